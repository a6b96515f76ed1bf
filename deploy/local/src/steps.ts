export type OnStep = (line: string) => void;

/** Does one piece of work and then says what was done and how long it took. */
export async function step<T>(onStep: OnStep, done: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  onStep(`${done} (${seconds(startedAt)})`);
  return result;
}

/** The time since `startedAt` (from `performance.now()`), as a person reads it. */
export function seconds(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}
