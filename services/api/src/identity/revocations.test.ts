import { describe, expect, test, vi } from 'vitest';
import { Revocations } from './revocations.js';

function atTime() {
  const clock = { nowMs: 0 };
  return { clock, revocations: new Revocations({ nowMs: () => clock.nowMs }) };
}

describe('Revocations', () => {
  test('knows nothing before the first news', () => {
    expect(atTime().revocations.freshness).toBe('lost');
  });

  test.each([
    [0, 'fresh'],
    [10_000, 'fresh'],
    [10_001, 'stale'],
    [30_000, 'stale'],
    [30_001, 'lost'],
  ])('after %i ms of silence is %s', (silentMs, freshness) => {
    const { clock, revocations } = atTime();
    revocations.confirm();

    clock.nowMs = silentMs;

    expect(revocations.freshness).toBe(freshness);
  });

  test('tells sessions and keys apart', () => {
    const { revocations } = atTime();

    revocations.add('session', 'a');

    expect(revocations.has('session', 'a')).toBe(true);
    expect(revocations.has('key', 'a')).toBe(false);
  });

  test('remembers for as long as a token can live, and forgets then', () => {
    const { clock, revocations } = atTime();
    revocations.add('session', 'a');

    clock.nowMs = 359_000;
    revocations.confirm();
    expect(revocations.has('session', 'a')).toBe(true);

    clock.nowMs = 360_000;
    revocations.confirm();
    expect(revocations.has('session', 'a')).toBe(false);
  });

  test('tells listeners once, until they stop listening', () => {
    const { revocations } = atTime();
    const listener = vi.fn<() => void>();
    const stop = revocations.onRevoked(listener);

    revocations.add('session', 'a');
    revocations.add('session', 'a');
    stop();
    revocations.add('session', 'b');

    expect(listener.mock.calls).toEqual([['session', 'a']]);
  });
});
