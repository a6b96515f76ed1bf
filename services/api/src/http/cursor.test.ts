import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { decodeCursor, encodeCursor } from './cursor.js';

const Place = z.tuple([z.string(), z.uuid()]);
const place = ['2027-01-01T00:00:00.000Z', '0192f000-0000-7000-8000-000000000000'] as const;
const list = { workspaceId: 'w', sort: 'createdAt', status: undefined };

describe('a cursor', () => {
  test('names the place it was made of', () => {
    expect(decodeCursor(list, encodeCursor(list, place), Place)).toEqual(place);
  });

  test('does not care in what order the filters are named, or whether one is left out', () => {
    const same = { sort: 'createdAt', workspaceId: 'w' };

    expect(decodeCursor(same, encodeCursor(list, place), Place)).toEqual(place);
  });

  test.each([
    ['another list', encodeCursor({ ...list, sort: 'dueAt' }, place)],
    ['another shape', encodeCursor(list, [1, 2])],
    ['a longer shape', encodeCursor(list, [...place, 'x'])],
    ['no JSON', 'bm9uc2Vuc2U'],
    ['no array', Buffer.from('{"a":1}').toString('base64url')],
    ['null', Buffer.from('null').toString('base64url')],
    ['no base64', '%%%'],
  ])('of %s is refused', (_, cursor) => {
    expect(() => decodeCursor(list, cursor, Place)).toThrow(
      expect.objectContaining({ code: 'invalid-cursor' }),
    );
  });
});
