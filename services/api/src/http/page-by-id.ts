import { z } from 'zod';
import { decodeCursor, encodeCursor } from './cursor.js';

const Place = z.tuple([z.uuid()]);

/** The id behind which the page begins. Throws `invalid-cursor` for a cursor of another list. */
export function afterCursor(list: object, cursor: string | undefined): string | undefined {
  return cursor === undefined ? undefined : decodeCursor(list, cursor, Place)[0];
}

/** A page of at most `limit` of what was found when one more was asked for. */
export function pageById<Item extends { readonly id: string }>(
  list: object,
  limit: number,
  found: readonly Item[],
): { items: readonly Item[]; nextCursor: string | null } {
  const items = found.slice(0, limit);
  const last = found.length > limit ? items.at(-1) : undefined;
  return { items, nextCursor: last ? encodeCursor(list, [last.id]) : null };
}
