import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuthApp } from './auth-app.js';

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

  test('A-07 leaves the other calls fast: they are answered while sign-ins wait for each other', async () => {
    const person = await t.signUp();
    const { accessToken } = await t.signIn(person);
    const order: string[] = [];
    // As many as run and wait: the pool is full. How fast is measured by `pnpm bench:sign-ins`.
    const signIns = Array.from({ length: 5 }, () =>
      t.signIn(person).then(() => order.push('sign-in')),
    );
    const others = Array.from({ length: 10 }, () =>
      t.me(accessToken).then(() => order.push('other')),
    );
    await Promise.all([...signIns, ...others]);

    expect(order.slice(-3)).toEqual(['sign-in', 'sign-in', 'sign-in']);
  });
});
