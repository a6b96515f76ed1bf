import { describe, expect, test } from 'vitest';
import { isDeeperThan } from './json-body.js';

describe('isDeeperThan', () => {
  test.each([
    ['[[[]]]', 3, false],
    ['[[[]]]', 2, true],
    ['{"a":{"b":1}}', 2, false],
    ['{"a":[{"b":1}]}', 2, true],
    ['["[[[[[["]', 1, false],
    [String.raw`["\"[[[[", "\\"]`, 1, false],
    ['[][][][]', 1, false],
    ['"', 0, false],
  ])('%s with at most %i levels: %s', (json, maxDepth, deeper) => {
    expect(isDeeperThan(json, maxDepth)).toBe(deeper);
  });

  test('stops at the limit instead of reading on', () => {
    expect(isDeeperThan('['.repeat(200_000), 32)).toBe(true);
  });
});
