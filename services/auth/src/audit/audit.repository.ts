import type { Queryable, Transaction } from '@capstone/platform/database';
import type { StoredEvent } from './audit-hash.js';
import type { Checkpoint } from './checkpoint.js';

/** An event as its workspace may read it. */
export interface ListedEvent {
  readonly seq: number;
  readonly id: string;
  readonly occurredAt: string;
  readonly action: string;
  readonly outcome: string;
  readonly sealedFacts: Buffer;
  readonly hash: Buffer;
}

export interface ChainHead {
  readonly chainId: string;
  readonly seq: number;
  readonly hash: Buffer;
}

/** The sealed key of the chain, begun with the one offered; null when its workspace is gone. */
export async function openChain(
  db: Queryable,
  chainId: string,
  offeredKey: Buffer,
): Promise<Buffer | null> {
  const [chain] = await db.query<{ sealedKey: Buffer | null }>(
    'open_audit_chain',
    `select auth.open_audit_chain($1, $2) as "sealedKey"`,
    [chainId, offeredKey],
  );
  return chain!.sealedKey;
}

export async function appendEvent(
  tx: Transaction,
  chainId: string,
  event: { id: string; action: string; outcome: string; actor: string; sealedFacts: Buffer },
): Promise<void> {
  await tx.query('append_audit', `select auth.append_audit($1, $2, $3, $4, $5, $6)`, [
    chainId,
    event.id,
    event.action,
    event.outcome,
    event.actor,
    event.sealedFacts,
  ]);
}

/** Of the workspace of the scope, newest first. */
export async function listEvents(
  db: Queryable,
  { beforeSeq, limit }: { beforeSeq: number; limit: number },
): Promise<ListedEvent[]> {
  return db.query<ListedEvent>(
    'list_audit',
    `select seq, id, auth.rfc3339(occurred_at) as "occurredAt", action, outcome,
            sealed_facts as "sealedFacts", hash
       from auth.list_audit($1, $2)`,
    [beforeSeq, limit],
  );
}

export async function listChains(db: Queryable): Promise<ChainHead[]> {
  return db.query<ChainHead>(
    'list_audit_chains',
    `select chain_id as "chainId", seq, hash from auth.list_audit_chains()`,
  );
}

export async function readChain(
  db: Queryable,
  chainId: string,
  { afterSeq, limit }: { afterSeq: number; limit: number },
): Promise<StoredEvent[]> {
  return db.query<StoredEvent>(
    'read_audit_chain',
    `select seq, id, floor(extract(epoch from occurred_at) * 1000)::bigint as "occurredAtMs",
            action, outcome, actor, sealed_facts as "sealedFacts", hash
       from auth.read_audit_chain($1, $2, $3)`,
    [chainId, afterSeq, limit],
  );
}

export async function listCheckpoints(db: Queryable): Promise<Checkpoint[]> {
  return db.query<Checkpoint>(
    'list_audit_checkpoints',
    `select chain_id as "chainId", seq, hash, signed_at_ms as "signedAtMs", signature
       from auth.list_audit_checkpoints()`,
  );
}

export async function listUnsignedChains(db: Queryable): Promise<ChainHead[]> {
  return db.query<ChainHead>(
    'list_unsigned_audit_chains',
    `select chain_id as "chainId", seq, hash from auth.list_unsigned_audit_chains()`,
  );
}

/** False when another process has signed this place already. */
export async function insertCheckpoint(db: Queryable, checkpoint: Checkpoint): Promise<boolean> {
  const { chainId, seq, hash, signedAtMs, signature } = checkpoint;
  const [row] = await db.query<{ added: boolean }>(
    'add_audit_checkpoint',
    `select auth.add_audit_checkpoint($1, $2, $3, $4, $5) as added`,
    [chainId, seq, hash, signedAtMs, signature],
  );
  return row!.added;
}

export async function shredChain(tx: Transaction, chainId: string): Promise<void> {
  await tx.query('shred_audit_chain', `select auth.shred_audit_chain($1)`, [chainId]);
}
