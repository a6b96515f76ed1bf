import { describe, expect, test } from 'vitest';
import { sentencesOf } from './sentences.js';

const texts = (text: string) =>
  sentencesOf(text).map(({ start, end, isHeading }) =>
    isHeading ? `# ${text.slice(start, end)}` : text.slice(start, end),
  );

describe('sentencesOf', () => {
  test('ends a sentence at its point, not at the end of its line', () => {
    expect(texts('One is\nhere. Two is\nthere.\n\nThree')).toEqual([
      'One is\nhere.',
      'Two is\nthere.',
      'Three',
    ]);
  });

  test('knows headings, items, quotations and rows, and leaves their marks out', () => {
    expect(texts('# Title\n## Sub\n- one\n- two\n  more\n1. three\n> four\n| a | b |')).toEqual([
      '# Title',
      '# Sub',
      'one',
      'two\n  more',
      'three',
      'four',
      'a | b',
    ]);
  });

  test('takes a paragraph right below a heading as a sentence of its own', () => {
    expect(texts('## Paging\nAnswer soon. Or not.')).toEqual([
      '# Paging',
      'Answer soon.',
      'Or not.',
    ]);
  });

  test('finds none in fenced code, and goes on behind it', () => {
    expect(texts('Before.\n```bash\nnpm start. Or not.\n\n- x\n```\nAfter.')).toEqual([
      'Before.',
      'After.',
    ]);
    expect(texts('Before.\n\n~~~\nno end')).toEqual(['Before.']);
  });

  test('reads other scripts, and cuts what is too long at a word', () => {
    expect(texts('これは文です。次の文です。')).toHaveLength(2);
    const [long] = sentencesOf('word '.repeat(500));
    expect(long!.end - long!.start).toBeLessThanOrEqual(600);
  });

  test.each(['', '\n\n', '---', '```\n```', '### '])('finds none in %j', (text) => {
    expect(texts(text)).toEqual([]);
  });

  test('stays linear in hostile text', () => {
    for (const text of ['- '.repeat(50_000), '\n'.repeat(100_000), '#'.repeat(100_000)]) {
      expect(sentencesOf(text)).toEqual([]);
    }
  });
});
