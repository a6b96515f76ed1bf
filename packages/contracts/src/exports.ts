import { z } from 'zod';

export const ExportStatus = z.enum(['queued', 'running', 'ready', 'failed']);
export type ExportStatus = z.infer<typeof ExportStatus>;

export const Export = z
  .object({
    id: z.uuid(),
    status: ExportStatus,
    lines: z.int(),
    bytes: z.int(),
    requestedBy: z.uuid(),
    createdAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().nullable(),
    expiresAt: z.iso.datetime().meta({ description: 'When it is removed.' }),
  })
  .meta({ id: 'Export' });
export type Export = z.infer<typeof Export>;

/** One line of an export, by what it tells of. */
export const exportLineTypes = ['workspace', 'member', 'task', 'document'] as const;
export type ExportLineType = (typeof exportLineTypes)[number];
