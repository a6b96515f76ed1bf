import { expect, test } from 'vitest';
import { estimate, estimateDifference, percentile } from './statistics.js';

test('an interval holds its mean, is repeatable, and narrows with more values', () => {
  const few = Array.from({ length: 20 }, (_, index) => (index % 4) / 3);
  const many = Array.from({ length: 2_000 }, (_, index) => (index % 4) / 3);

  const { mean, low, high } = estimate(few);

  expect(mean).toBeCloseTo(0.5);
  expect([low <= mean, mean <= high]).toEqual([true, true]);
  expect(estimate(few)).toEqual({ mean, low, high });
  expect(estimate(many).high - estimate(many).low).toBeLessThan((high - low) / 5);
});

test('a paired difference is judged by its pairs, however far the values spread', () => {
  const theirs = Array.from({ length: 50 }, (_, index) => index / 50);

  const better = estimateDifference(
    theirs.map((value) => value + 0.1),
    theirs,
  );

  expect(better.low).toBeCloseTo(0.1);
  expect(better.high).toBeCloseTo(0.1);
});

test('a percentile is one of the values', () => {
  expect(percentile([3, 1, 2], 0.5)).toBe(2);
  expect(percentile([3, 1, 2], 0.95)).toBe(3);
  expect(percentile([], 0.5)).toBe(0);
});
