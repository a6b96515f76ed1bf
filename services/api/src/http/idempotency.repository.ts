import type { Queryable, Transaction } from '@capstone/platform/database';

interface KeyOwner {
  readonly workspaceId: string;
  readonly userId: string;
  readonly route: string;
  readonly key: string;
}

/**
 * True for one transaction at a time, until it ends. Two keys with the same 64-bit hash would exclude each other for that
 * moment, which costs the second client one retry.
 */
export async function lockIdempotencyKey(tx: Transaction, owner: KeyOwner): Promise<boolean> {
  const [row] = await tx.query<{ locked: boolean }>(
    'idempotency.lock',
    `select pg_try_advisory_xact_lock(
       hashtextextended(concat_ws(chr(31), $1::text, $2::text, $3::text, $4::text), 0)
     ) as locked`,
    [owner.workspaceId, owner.userId, owner.route, owner.key],
  );
  return row?.locked ?? false;
}

export async function findResult(tx: Transaction, owner: KeyOwner) {
  const [row] = await tx.query<{ fingerprint: Buffer; result: unknown }>(
    'idempotency.find',
    `select fingerprint, result
     from app.idempotency_keys
     where workspace_id = $1 and user_id = $2 and route = $3 and key = $4`,
    [owner.workspaceId, owner.userId, owner.route, owner.key],
  );
  return row;
}

export function insertResult(
  tx: Transaction,
  owner: KeyOwner,
  { fingerprint, result }: { fingerprint: Buffer; result: unknown },
): void {
  tx.send(
    'idempotency.insert',
    `insert into app.idempotency_keys (workspace_id, user_id, route, key, fingerprint, result)
     values ($1, $2, $3, $4, $5, $6::jsonb)`,
    [
      owner.workspaceId,
      owner.userId,
      owner.route,
      owner.key,
      fingerprint,
      JSON.stringify(result ?? null),
    ],
  );
}

/** Deletes at most `batchSize` keys of all workspaces and says how many; only what has expired is visible to it. */
export async function deleteExpiredResults(db: Queryable, batchSize: number): Promise<number> {
  const [row] = await db.query<{ deleted: number }>(
    'idempotency.delete_expired',
    'select app.delete_expired_idempotency_keys($1) as deleted',
    [batchSize],
  );
  return row?.deleted ?? 0;
}
