import type { Queryable, Transaction } from '@capstone/platform/database';
import type { DocumentKey, VersionKey } from '@capstone/retrieval/index-writer';

/**
 * Versions of any workspace whose lease ran out, and with `unclaimedAfterMs` also those that were received so long ago
 * and that nobody ever claimed. Ids only: this is the one look across workspaces, see the migration.
 */
export async function listAbandonedVersions(
  db: Queryable,
  { unclaimedAfterMs, limit }: { unclaimedAfterMs: number | undefined; limit: number },
): Promise<VersionKey[]> {
  return db.query<VersionKey>(
    'reaper.list_versions',
    `select workspace_id as "workspaceId", document_id as "documentId", version
     from app.list_abandoned_versions($1 * interval '1 millisecond', $2)`,
    [unclaimedAfterMs ?? null, limit],
  );
}

/**
 * Compare-and-set on what made it abandoned: of several reapers one gets it, and none looks at it again before
 * `againInMs`. It stays free to be claimed.
 */
export async function takeAbandonedVersion(
  tx: Transaction,
  key: VersionKey,
  againInMs: number,
): Promise<boolean> {
  const rows = await tx.query(
    'reaper.take_version',
    `update app.document_versions
     set lease_holder = null, lease_until = now() + $4 * interval '1 millisecond'
     where workspace_id = $1 and document_id = $2 and version = $3
       and (finished_at is null or lease_until is not null)
       and coalesce(lease_until, received_at) < now()
     returning version`,
    [key.workspaceId, key.documentId, key.version, againInMs],
  );
  return rows.length === 1;
}

/** Deleted documents of any workspace whose rows should be gone by now. */
export async function listUnpurgedDocuments(db: Queryable, limit: number): Promise<DocumentKey[]> {
  return db.query<DocumentKey>(
    'reaper.list_documents',
    `select workspace_id as "workspaceId", document_id as "documentId"
     from app.list_unpurged_documents($1)`,
    [limit],
  );
}

export async function takeUnpurgedDocument(
  tx: Transaction,
  key: DocumentKey,
  againInMs: number,
): Promise<boolean> {
  const rows = await tx.query(
    'reaper.take_document',
    `update app.documents
     set purge_due_at = now() + $3 * interval '1 millisecond'
     where workspace_id = $1 and id = $2 and deleted_at is not null and purge_due_at < now()
     returning id`,
    [key.workspaceId, key.documentId, againInMs],
  );
  return rows.length === 1;
}

/** Of any workspace: see the migration. */
export async function deleteExpiredExports(db: Queryable, limit: number): Promise<void> {
  await db.query('reaper.delete_exports', 'select app.delete_expired_exports($1)', [limit]);
}
