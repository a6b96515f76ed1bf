import { z } from 'zod';

/**
 * Every job there is. A payload carries ids and nothing else: the worker reads the truth from Postgres and claims it
 * there, so a job may run twice, late, or be forged, and does no harm.
 */
export const jobs = {
  'document.ingest': {
    queue: 'documents',
    payload: z.strictObject({
      workspaceId: z.uuid(),
      documentId: z.uuid(),
      version: z.int().positive(),
    }),
    attempts: 8,
    backoffMs: 1_000,
  },
  'document.purge': {
    queue: 'documents',
    payload: z.strictObject({ workspaceId: z.uuid(), documentId: z.uuid() }),
    attempts: 8,
    backoffMs: 1_000,
  },
  'workspace.purge': {
    queue: 'workspaces',
    payload: z.strictObject({ workspaceId: z.uuid() }),
    attempts: 8,
    backoffMs: 5_000,
  },
  'workspace.export': {
    queue: 'workspaces',
    payload: z.strictObject({ workspaceId: z.uuid(), exportId: z.uuid() }),
    attempts: 5,
    backoffMs: 2_000,
  },
} as const satisfies Record<string, JobSpec>;

interface JobSpec {
  readonly queue: string;
  readonly payload: z.ZodType;
  readonly attempts: number;
  /** First delay; doubles with each attempt, with jitter. */
  readonly backoffMs: number;
}

export type JobName = keyof typeof jobs;
export type JobPayload<Name extends JobName> = z.infer<(typeof jobs)[Name]['payload']>;
export type QueueName = (typeof jobs)[JobName]['queue'];

/** Where a job goes after its last attempt, with its error. Nobody consumes it; a person does. */
export const deadLetterQueue = 'dead-letters';
