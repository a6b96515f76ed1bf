import { describe, expect, test } from 'vitest';
import { ndcg, recall, reciprocalRank } from './measures.js';

const judged = new Map([
  ['a', 2],
  ['b', 1],
  ['n', 0],
]);

describe('the measures of a ranking', () => {
  test('nDCG is 1 for the ideal order, and falls with the place', () => {
    expect(ndcg(['a', 'b'], judged, 10)).toBe(1);
    expect(ndcg(['b', 'a'], judged, 10)).toBeCloseTo(
      (1 + 2 / Math.log2(3)) / (2 + 1 / Math.log2(3)),
    );
    expect(ndcg(['x', 'a'], judged, 1)).toBe(0);
    expect(ndcg(['a'], new Map(), 10)).toBe(0);
  });

  test('recall counts what is relevant at all, and only to its depth', () => {
    expect(recall(['n', 'a', 'b'], judged, 2)).toBe(0.5);
    expect(recall(['a', 'b'], judged, 10)).toBe(1);
  });

  test('the reciprocal rank is that of the first relevant one', () => {
    expect(reciprocalRank(['x', 'n', 'b'], judged, 10)).toBeCloseTo(1 / 3);
    expect(reciprocalRank(['x'], judged, 10)).toBe(0);
  });
});
