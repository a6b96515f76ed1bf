import { describe, expect, test } from 'vitest';
import { gcra, intervalMicros } from './gcra.js';

const allowed = { requests: 3, seconds: 6 };

/** Takes at each of the given times; undefined before the first. */
function takeAt(...timesMs: number[]) {
  let arrivalMs: number | undefined;
  return timesMs.map((nowMs) => {
    const outcome = gcra(arrivalMs, nowMs, allowed);
    arrivalMs = outcome.arrivalMs;
    return outcome.taken;
  });
}

describe('gcra', () => {
  test('lets the whole allowance pass at once, and then one at each interval', () => {
    const taken = takeAt(0, 0, 0, 0, 1_999, 2_000, 2_001, 4_000);

    expect(taken.map(({ allowed: ok }) => ok)).toEqual([
      true,
      true,
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
    expect(taken.slice(0, 4).map(({ remaining }) => remaining)).toEqual([2, 1, 0, 0]);
  });

  test('says how long to wait, and a refusal costs nothing', () => {
    const taken = takeAt(0, 0, 0, 500, 500);

    expect(taken[3]).toMatchObject({ allowed: false, waitMs: 1_500, resetMs: 5_500 });
    expect(taken[4]).toEqual(taken[3]);
  });

  test('is whole again after the window', () => {
    const taken = takeAt(0, 0, 0, 6_000);

    expect(taken[3]).toMatchObject({ allowed: true, remaining: 2 });
  });
});

test('intervalMicros spreads the requests over the window', () => {
  expect(intervalMicros({ requests: 600, seconds: 60 })).toBe(100_000);
  expect(intervalMicros({ requests: 100_000_000, seconds: 1 })).toBe(1);
});
