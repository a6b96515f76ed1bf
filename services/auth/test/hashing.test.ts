import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuthApp, somebody } from './auth-app.js';

let t: AuthApp;
beforeAll(async () => {
  t = await AuthApp.start({ AUTH_HASHING_CONCURRENCY: '1' });
});
afterAll(() => t.stop());

describe('a flood of sign-ins', () => {
  test('A-07 is shed beyond what may wait, with a time to come back', async () => {
    const person = await t.signUp();
    const outcomes = await Promise.allSettled(Array.from({ length: 60 }, () => t.signIn(person)));

    const served = outcomes.filter(({ status }) => status === 'fulfilled');
    const shed = outcomes.filter((each) => each.status === 'rejected').map((each) => each.reason);
    expect(served.length).toBeGreaterThan(0);
    expect(shed.length).toBeGreaterThan(0);
    for (const problem of shed) {
      expect(problem).toMatchObject({ code: 'overloaded', retryAfterSeconds: 2 });
    }
  });

  test('A-07 leaves the other calls fast', async () => {
    const { accessToken } = await t.signIn();
    const calm = new AbortController();
    // As many as run and wait: the pool is full all the time.
    const flood = Promise.all(
      Array.from({ length: 5 }, async () => {
        while (!calm.signal.aborted) await t.signIn(somebody()).catch(() => undefined);
      }),
    );

    const times: number[] = [];
    for (let call = 0; call < 60; call += 1) {
      const started = performance.now();
      await t.me(accessToken);
      times.push(performance.now() - started);
    }
    calm.abort();
    await flood;

    const p95 = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.95)]!;
    expect(p95).toBeLessThan(250);
  });
});
