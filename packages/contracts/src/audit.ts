import { z } from 'zod';
import { pageOf, pageQuery } from './paging.js';

/** Everything that is written down, by what was done or tried. */
export const AuditAction = z.enum([
  'account.registered',
  'password.changed',
  'factors.changed',
  'sign-in.refused',
  'second-factor.refused',
  'session.started',
  'session.switched',
  'session.ended',
  'refresh-token.reused',
  'access.denied',
  'workspace.created',
  'workspace.renamed',
  'workspace.deletion-scheduled',
  'workspace.restored',
  'workspace.deleted',
  'workspace.exported',
  'member.role-changed',
  'member.removed',
  'member.joined',
  'invitation.created',
  'invitation.removed',
  'api-key.created',
  'api-key.revoked',
  'audit.read',
]);
export type AuditAction = z.infer<typeof AuditAction>;

export const AuditOutcome = z.enum(['allow', 'deny']);
export type AuditOutcome = z.infer<typeof AuditOutcome>;

/** Who and what an event is about. Ids and short facts: no secret, no address of a person, no content. */
export const AuditFacts = z.object({
  actorId: z.uuid().nullable(),
  sessionId: z.uuid().nullable(),
  target: z.object({ type: z.string(), id: z.string() }).nullable(),
  reason: z.string().nullable(),
  address: z.string().nullable(),
  userAgent: z.string().nullable(),
  traceId: z.string().nullable(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type AuditFacts = z.infer<typeof AuditFacts>;

export const AuditEvent = AuditFacts.extend({
  id: z.uuid(),
  seq: z.int().meta({ description: 'Without gaps: the place in the chain of the workspace.' }),
  occurredAt: z.iso.datetime(),
  action: AuditAction,
  outcome: AuditOutcome,
  hash: z.string().meta({ description: 'SHA-256 over this event and the one before, in hex.' }),
}).meta({ id: 'AuditEvent' });
export type AuditEvent = z.infer<typeof AuditEvent>;

export const ListAudit = z.strictObject(pageQuery);
export type ListAudit = z.infer<typeof ListAudit>;

export const AuditPage = pageOf(AuditEvent).meta({ id: 'AuditPage' });
export type AuditPage = z.infer<typeof AuditPage>;
