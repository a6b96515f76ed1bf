import { z } from 'zod';

export const Session = z
  .object({
    id: z.uuid(),
    workspace: z.object({ id: z.uuid(), name: z.string() }),
    current: z.boolean().meta({ description: 'True for the session that asks.' }),
    aal: z.int(),
    address: z.string().nullable().meta({ description: 'Where it was last refreshed from.' }),
    userAgent: z.string().nullable(),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().meta({ description: 'The sign-in or the last refresh.' }),
    expiresAt: z.iso.datetime().meta({ description: 'Earlier of its idle and its absolute end.' }),
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof Session>;

export const SessionList = z.object({ items: z.array(Session) }).meta({ id: 'SessionList' });
export type SessionList = z.infer<typeof SessionList>;

export const SwitchWorkspace = z
  .strictObject({ workspaceId: z.uuid() })
  .meta({ id: 'SwitchWorkspace' });
export type SwitchWorkspace = z.infer<typeof SwitchWorkspace>;
