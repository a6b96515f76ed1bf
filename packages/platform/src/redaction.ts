const removed = '[redacted]';
const deepest = 8;

/**
 * A copy of `fields` without secrets: whatever stands under a name that means one is replaced, at any depth, and errors
 * become plain fields (type, message, stack, code, cause) so that what a library hung on them stays behind.
 */
export function redactFields(fields: object): Record<string, unknown> {
  return redactObject(fields, 0);
}

/** Removes what looks like a secret from a finished line: bearer tokens, JWTs, API keys, passwords in URLs. */
export function redactText(line: string): string {
  return line.replace(secretShapes, replaceShape);
}

function redactObject(fields: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    copy[name] = isSecretName(name) ? removed : redactValue(value, depth + 1);
  }
  return copy;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > deepest) return '[deeper]';
  if (value instanceof Error) return describeError(value, depth);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  if (Buffer.isBuffer(value)) return `[${value.length} bytes]`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return value;
  if (value instanceof Map || value instanceof Set) return `[${value.size} entries]`;
  return redactObject(value, depth);
}

/** An error as plain fields, with its chain of causes. Only what is named here is kept. */
function describeError(error: Error, depth: number): Record<string, unknown> {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...(code !== undefined && { code }),
    ...(constraint !== undefined && { constraint }),
    ...(error.cause !== undefined && { cause: redactValue(error.cause, depth + 1) }),
    ...(error instanceof AggregateError && { errors: redactValue(error.errors, depth + 1) }),
  };
}

const verdicts = new Map<string, boolean>();

function isSecretName(name: string): boolean {
  const known = verdicts.get(name);
  if (known !== undefined) return known;
  const verdict = secretNames.test(name.replaceAll(/[-_\s]/g, ''));
  // Names come from our code, but a careless call could log a client's object: the memory of them stays small.
  if (verdicts.size < 1000) verdicts.set(name, verdict);
  return verdict;
}

const secretNames =
  /(?:password|passwd|passphrase|secret|token|jwt|authorization|cookie|pepper|credential|(?:api|private|encryption|signing)key)s?$|^key$|^pwd$/i;

const secretShapes =
  /(:\/\/[^:/?#\s@"\\]*:)[^@/\s"\\]+@|\b(Bearer|Basic) +[^\s"\\,]+|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*|\bcap_[\w-]{8,}/gi;

function replaceShape(_match: string, url: string | undefined, scheme: string | undefined): string {
  if (url !== undefined) return `${url}${removed}@`;
  return scheme === undefined ? removed : `${scheme} ${removed}`;
}
