import { z } from 'zod';
import { DocumentStatus } from './documents.js';

/** What GET /events sends, by its SSE event name. Ids, status and counts only: a client reads the rest by id. */
export const events = {
  'task.created': z.object({ taskId: z.uuid(), version: z.int() }),
  'task.updated': z.object({ taskId: z.uuid(), version: z.int() }),
  'task.deleted': z.object({ taskId: z.uuid() }),
  'document.status': z.object({
    documentId: z.uuid(),
    version: z.int(),
    status: DocumentStatus,
    counts: z.object({ characters: z.int(), chunks: z.int(), embedded: z.int() }),
  }),
} as const;

export type EventName = keyof typeof events;
export type EventData<Name extends EventName> = z.infer<(typeof events)[Name]>;
