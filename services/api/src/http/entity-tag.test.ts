import { describe, expect, test } from 'vitest';
import { assertExpected, entityTag, parseIfMatch } from './entity-tag.js';

const tag = entityTag('a', 3);

describe('If-Match', () => {
  test.each([undefined, '*' as const, [tag], ['"other"', tag]])(
    '%j lets the change pass',
    (expected) => {
      expect(() => assertExpected(tag, expected)).not.toThrow();
    },
  );

  test.each(['"a.2"', 'a.3', `W/${tag}`, '', '"*"', '**'])('%j stops the change', (header) => {
    expect(() => assertExpected(tag, parseIfMatch(header))).toThrow(
      expect.objectContaining({ code: 'version-mismatch' }),
    );
  });

  test('reads a list with spaces as it likes', () => {
    expect(parseIfMatch(' "x" ,"y"')).toEqual(['"x"', '"y"']);
    expect(parseIfMatch(' * ')).toBe('*');
  });
});
