import { setTimeout as delay } from 'node:timers/promises';

const intervalMs = 20;

/**
 * Asks again and again until `condition` is truthy and resolves to what it gave. A condition that throws has not come
 * true yet; its last error is the cause of the failure after `timeoutMs`.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { timeoutMs?: number; what?: string } = {},
): Promise<T> {
  const { timeoutMs = 10_000, what = 'the condition' } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const outcome = await attempt(condition);
    if ('value' in outcome && outcome.value) return outcome.value;
    if (Date.now() > deadline) {
      throw new Error(`Waited ${timeoutMs} ms for ${what} in vain`, {
        cause: 'error' in outcome ? outcome.error : undefined,
      });
    }
    await delay(intervalMs);
  }
}

async function attempt<T>(condition: () => T | Promise<T>) {
  try {
    return { value: await condition() };
  } catch (error) {
    return { error };
  }
}
