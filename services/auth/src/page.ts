import { z } from 'zod';

/** Below every id, so that the first page is the same statement as the others. */
const lowestId = '00000000-0000-0000-0000-000000000000';

/** A page of a list in the order of ids, which are made in the order of time. One more than a page tells whether it goes on. */
export const Page = z.object({
  limit: z.int().min(1).max(101),
  after: z.uuid().default(lowestId),
});
