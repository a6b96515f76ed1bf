// k6 has a console, @types/k6 leaves it to lib.dom.
declare const console: Readonly<Record<'log' | 'warn' | 'error', (...values: unknown[]) => void>>;
