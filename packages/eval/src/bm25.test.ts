import { expect, test } from 'vitest';
import { Bm25 } from './bm25.js';

test('ranks what is rare and frequent in a short text first, in any form of the word', () => {
  const bm25 = new Bm25([
    { id: 'long', text: `A fox, and ${'many other words that say nothing '.repeat(20)}` },
    { id: 'short', text: 'Foxes sleep.' },
    { id: 'other', text: 'Badgers sleep.' },
  ]);

  expect(bm25.search('the fox', 10)).toEqual(['short', 'long']);
  expect(bm25.search('sleeping foxes', 10)[0]).toBe('short');
  expect(bm25.search('the of and', 10)).toEqual([]);
});
