import { expect, test } from 'vitest';
import { percentile, slope } from './statistics.js';

test('a percentile lies between its neighbours', () => {
  const samples = [40, 10, 30, 20];

  expect([0, 0.5, 0.95, 1].map((share) => percentile(samples, share))).toEqual([10, 25, 38.5, 40]);
  expect(percentile([7], 0.99)).toBe(7);
  expect(percentile([], 0.5)).toBeUndefined();
});

test('the slope of points on a line is that of the line', () => {
  expect(
    slope([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
  ).toBe(2);
  expect(
    slope([
      [1, 1],
      [1, 2],
    ]),
  ).toBeUndefined();
  expect(slope([[1, 1]])).toBeUndefined();
});
