/** The oldest releases this project runs on. */
export const minimum = { postgres: '15', pgvector: '0.8.4', redis: '7' } as const;

/** The first dotted number in a program's version line: `postgres (PostgreSQL) 15.20 (Debian …)` → `15.20`. */
export function parseVersion(line: string): string | undefined {
  return /\d+(\.\d+)*/.exec(line.replace(/^.*?\bv=/, ''))?.[0];
}

/** Compares dotted versions number by number; `15` is older than `15.1`, and `0.10` newer than `0.9`. */
export function atLeast(version: string, oldest: string): boolean {
  const found = version.split('.').map(Number);
  const wanted = oldest.split('.').map(Number);
  for (const [index, want] of wanted.entries()) {
    const have = found[index] ?? 0;
    if (have !== want) return have > want;
  }
  return true;
}
