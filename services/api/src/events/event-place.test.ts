import { describe, expect, test } from 'vitest';
import { isBefore, isPlace, mayHaveMissed, placeBefore } from './event-place.js';

describe('places', () => {
  test.each([
    ['1-0', '2-0', true],
    ['2-0', '1-9', false],
    ['5-9', '5-10', true],
    ['5-1', '5-1', false],
  ])('%s before %s: %s', (a, b, expected) => {
    expect(isBefore(a, b)).toBe(expected);
  });

  test.each(['', '1', '1-', '-1', 'a-b', '1-1-1', '1-0 ', `${'9'.repeat(16)}-0`])(
    '%j is none',
    (text) => {
      expect(isPlace(text)).toBe(false);
    },
  );

  test('one for an empty stream lies before what comes next, also when clocks differ', () => {
    expect(placeBefore(100_000)).toBe('40000-0');
  });
});

describe('mayHaveMissed', () => {
  const expiredBeforeMs = 1_000;
  const ask = (place: string, oldestId: string | undefined, isTrimmed: boolean) =>
    mayHaveMissed(place, { oldestId, isTrimmed }, expiredBeforeMs);

  test('is false while the stream still holds the place', () => {
    expect(ask('5000-0', '4000-0', true)).toBe(false);
    expect(ask('4000-0', '4000-0', true)).toBe(false);
  });

  test('is true when the stream was trimmed past the place', () => {
    expect(ask('3000-0', '4000-0', true)).toBe(true);
  });

  test('is false for a place before the first event there ever was', () => {
    expect(ask('3000-0', '4000-0', false)).toBe(false);
    expect(ask('3000-0', undefined, false)).toBe(false);
  });

  test('is true for a place from before the stream may have expired', () => {
    expect(ask('999-0', '4000-0', false)).toBe(true);
    expect(ask('999-0', undefined, false)).toBe(true);
  });
});
