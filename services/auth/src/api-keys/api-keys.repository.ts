import type { ApiKey } from '@capstone/contracts/api-keys';
import type { ApiKeyScope } from '@capstone/contracts/permissions';
import type { Queryable, Transaction } from '@capstone/platform/database';

const columns = `id, name, prefix, scopes, created_by as "createdBy",
       auth.rfc3339(created_at) as "createdAt", auth.rfc3339(expires_at) as "expiresAt",
       auth.rfc3339(last_used_at) as "lastUsedAt"`;

/** A key that counts, as it is found by its hash. */
export interface LiveApiKey {
  readonly workspaceId: string;
  readonly id: string;
  readonly createdBy: string;
  readonly scopes: readonly ApiKeyScope[];
  readonly expiresAtMs: number;
}

export async function insertApiKey(
  tx: Transaction,
  workspaceId: string,
  apiKey: {
    id: string;
    name: string;
    prefix: string;
    keyHash: Buffer;
    scopes: readonly ApiKeyScope[];
    createdBy: string;
    lifetimeDays: number;
  },
): Promise<ApiKey> {
  const { id, name, prefix, keyHash, scopes, createdBy, lifetimeDays } = apiKey;
  const [inserted] = await tx.query<ApiKey>(
    'insert_api_key',
    `insert into auth.api_keys
       (workspace_id, id, name, prefix, key_hash, scopes, created_by, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(days => $8))
     returning ${columns}`,
    [workspaceId, id, name, prefix, keyHash, scopes, createdBy, lifetimeDays],
  );
  return inserted!;
}

/** Those that count, of one member or without `createdBy` of all. */
export async function listApiKeys(
  db: Queryable,
  workspaceId: string,
  list: { createdBy: string | undefined; after: string; limit: number },
): Promise<ApiKey[]> {
  return db.query<ApiKey>(
    'list_api_keys',
    `select ${columns}
       from auth.api_keys
      where workspace_id = $1
        and ($2::uuid is null or created_by = $2)
        and revoked_at is null
        and expires_at > now()
        and id > $3
      order by id
      limit $4`,
    [workspaceId, list.createdBy ?? null, list.after, list.limit],
  );
}

/** One key, or all of a member, or without either all of the workspace. The ids of those that were revoked by this. */
export async function revokeApiKeys(
  tx: Transaction,
  workspaceId: string,
  which: { id?: string; createdBy?: string | undefined },
): Promise<string[]> {
  const revoked = await tx.query<{ id: string }>(
    'revoke_api_keys',
    `update auth.api_keys
        set revoked_at = now()
      where workspace_id = $1
        and ($2::uuid is null or id = $2)
        and ($3::uuid is null or created_by = $3)
        and revoked_at is null
     returning id`,
    [workspaceId, which.id ?? null, which.createdBy ?? null],
  );
  return revoked.map(({ id }) => id);
}

/** Looks across workspaces: see the migration. */
export async function findApiKey(db: Queryable, keyHash: Buffer): Promise<LiveApiKey | undefined> {
  const [apiKey] = await db.query<LiveApiKey>(
    'find_api_key',
    `select workspace_id as "workspaceId", id, created_by as "createdBy", scopes,
            floor(extract(epoch from expires_at) * 1000)::bigint as "expiresAtMs"
       from auth.find_api_key($1)`,
    [keyHash],
  );
  return apiKey;
}

/** Once a minute is enough, and costs no write for every request. */
export async function touchApiKey(tx: Transaction, workspaceId: string, id: string): Promise<void> {
  await tx.query(
    'touch_api_key',
    `update auth.api_keys
        set last_used_at = now()
      where workspace_id = $1 and id = $2
        and (last_used_at is null or last_used_at < now() - interval '1 min')`,
    [workspaceId, id],
  );
}
