import { createHash } from 'node:crypto';

/** An event as it is stored; sealed facts stay sealed. */
export interface StoredEvent {
  readonly seq: number;
  readonly id: string;
  readonly occurredAtMs: number;
  readonly action: string;
  readonly outcome: string;
  readonly actor: string;
  readonly sealedFacts: Buffer;
  readonly hash: Buffer;
}

/** What the first event of a chain stands on. */
export const beginning = Buffer.alloc(32);

/** The same as auth.audit_hash of the migration, computed apart from the database that is to be checked by it. */
export function eventHash(previous: Buffer, chainId: string, event: StoredEvent): Buffer {
  const { seq, id, occurredAtMs, action, outcome, actor, sealedFacts } = event;
  const parts = [
    chainId,
    seq,
    id,
    occurredAtMs,
    action,
    outcome,
    actor,
    sealedFacts.toString('hex'),
  ];
  return createHash('sha256').update(previous).update(parts.join('|')).digest();
}
