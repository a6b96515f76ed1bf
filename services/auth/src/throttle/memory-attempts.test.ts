import { describe, expect, test } from 'vitest';
import { MemoryAttempts } from './memory-attempts.js';

const own = {
  key: 'own',
  rule: {
    limit: 3,
    limitUnderPressure: 1,
    windowMs: 60_000,
    firstDelayMs: 1_000,
    longestDelayMs: 8_000,
  },
};
const source = {
  key: 'source',
  rule: {
    limit: 5,
    limitUnderPressure: 5,
    windowMs: 10_000,
    firstDelayMs: 0,
    longestDelayMs: 0,
  },
};
const account = { key: 'account', pressure: 100, windowMs: 60_000 };

function attempts() {
  const clock = { now: 1_000_000 };
  const counters = new MemoryAttempts(() => clock.now);
  return { clock, counters };
}

describe('MemoryAttempts', () => {
  test('judges up to the limit, then after a delay that doubles up to the longest', async () => {
    const { clock, counters } = attempts();
    const buckets = { account, own, source: undefined };
    for (let attempt = 0; attempt < 3; attempt += 1) expect(await counters.begin(buckets)).toBe(0);

    const delays = [];
    for (let round = 0; round < 5; round += 1) {
      const waitMs = await counters.begin(buckets);
      delays.push(waitMs);
      clock.now += waitMs;
      expect(await counters.begin(buckets)).toBe(0);
    }

    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
  });

  test('closes a source until its window ends', async () => {
    const { clock, counters } = attempts();
    for (let at = 0; at < 5; at += 1) {
      clock.now += 1_000;
      await counters.begin({ account, own: { ...own, key: `own ${at}` }, source });
    }

    expect(await counters.begin({ account, own, source })).toBe(6_000);
    clock.now += 6_000;
    expect(await counters.begin({ account, own, source })).toBe(0);
  });

  test('forgets the own failures with a success, and only them', async () => {
    const { counters } = attempts();
    const buckets = { account, own, source };
    await counters.begin(buckets);
    await counters.begin(buckets);
    await counters.begin(buckets);
    await counters.succeed(buckets);

    for (let attempt = 0; attempt < 3; attempt += 1) expect(await counters.begin(buckets)).toBe(0);
    expect(await counters.begin({ ...buckets, own: { ...own, key: 'other' } })).toBeGreaterThan(0);
  });

  test('takes back what was not judged', async () => {
    const { counters } = attempts();
    const buckets = { account, own, source: undefined };
    for (let attempt = 0; attempt < 20; attempt += 1) {
      expect(await counters.begin(buckets)).toBe(0);
      await counters.withdraw(buckets);
    }
  });

  test('is stricter with each place while the account is attacked from many', async () => {
    const { counters } = attempts();
    for (let place = 0; place < 100; place += 1) {
      const from = { ...own, key: `place ${place}` };
      await counters.begin({ account, own: from, source: undefined });
    }
    const newPlace = { account, own, source: undefined };

    expect(await counters.begin(newPlace)).toBe(0);
    expect(await counters.begin(newPlace)).toBe(1_000);
  });
});
