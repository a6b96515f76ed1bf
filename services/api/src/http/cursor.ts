import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Problem } from '@capstone/platform/problem';

/**
 * A place in a list: the values of the sort key and the id of the last item seen. Cursors are opaque to clients, and bound
 * by a digest to the list they came from: `list` is the workspace, the sort order and every filter, but not the limit.
 * They are not secret and not signed: whatever a forged one says, the query keeps to the caller's workspace.
 */
export function encodeCursor(list: object, place: readonly unknown[]): string {
  return Buffer.from(JSON.stringify([digest(list), ...place])).toString('base64url');
}

/** The place a cursor names. Throws `invalid-cursor` when it is not one of ours, or of another list. */
export function decodeCursor<Place extends z.ZodTuple>(
  list: object,
  cursor: string,
  schema: Place,
): z.output<Place> {
  const [ownDigest, ...place] = unpack(cursor);
  const parsed = schema.safeParse(place);
  if (ownDigest !== digest(list) || !parsed.success) throw new Problem('invalid-cursor');
  return parsed.data;
}

function unpack(cursor: string): unknown[] {
  try {
    const content: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(content) ? content : [];
  } catch (cause) {
    throw new Problem('invalid-cursor', { cause });
  }
}

function digest(list: object) {
  const sorted = Object.entries(list)
    .filter(([, value]) => value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url').slice(0, 12);
}
