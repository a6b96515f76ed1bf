import { expect, test } from 'vitest';
import { isCompactJws } from './compact-jws.js';

test('three parts of base64url are a compact JWS', () => {
  expect(isCompactJws('eyJhIjoxfQ.eyJiIjoyfQ.c2ln')).toBe(true);
});

test.each([
  ['two parts', 'eyJhIjoxfQ.eyJiIjoyfQ'],
  ['four parts', 'eyJhIjoxfQ.eyJiIjoyfQ.c2ln.c2ln'],
  ['an empty part', 'eyJhIjoxfQ.eyJiIjoyfQ.'],
  ['padding', 'eyJhIjoxfQ==.eyJiIjoyfQ.c2ln'],
  ['spare bits that are not zero', 'eyJhIjoxfR.eyJiIjoyfQ.c2ln'],
  ['the alphabet of base64', 'eyJhIjoxfQ.eyJiIjoyfQ.+/ln'],
  ['a blank', 'eyJhIjoxfQ.eyJiIjoyfQ.c2 ln'],
  ['no end', `eyJhIjoxfQ.eyJiIjoyfQ.${'c2ln'.repeat(2_000)}`],
])('%s is none', (_what, token) => {
  expect(isCompactJws(token)).toBe(false);
});
