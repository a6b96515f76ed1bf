import { expect, test } from 'vitest';
import { contentWords, searchableText } from './searchable-text.js';

const wordsOf = (text: string) => contentWords(searchableText(text));

test('spelling variants of a character are one word', () => {
  expect(wordsOf('ＦＵＬＬ ﬁne cafe\u0301 Straße')).toEqual(['full', 'fine', 'café', 'straße']);
});

test('stop words are left out, numbers are not', () => {
  expect(wordsOf('What is the 2nd of 3 rules?')).toEqual(['2nd', '3', 'rules']);
});

test('the parts of a path, of snake case and of mark-up are words', () => {
  expect(wordsOf('Promise<string> in packages/platform/data_base.ts')).toEqual([
    'promise',
    'string',
    'packages',
    'platform',
    'data',
    'base',
    'ts',
  ]);
});

test('text without spaces becomes overlapping pairs', () => {
  expect(wordsOf('東京都 is 都 x')).toEqual(['東京', '京都', '都', 'x']);
});

test.each(['\0', '\ud800', '\udfff a', '\u{10ffff}', '‮'])('any code unit is taken: %j', (text) => {
  expect(searchableText(text).isWellFormed()).toBe(true);
  expect(searchableText(text)).not.toContain('\0');
});
