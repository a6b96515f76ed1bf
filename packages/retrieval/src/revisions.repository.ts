import type { Transaction } from '@capstone/platform/database';
import type { DocumentKey, VersionKey } from './index-keys.js';

export interface RevisionRow {
  id: number;
  version: number;
  state: 'staged' | 'published';
}

export interface RemovedRows {
  readonly revisions: number;
  readonly chunks: number;
  readonly terms: number;
  readonly embeddings: number;
}

export async function lockRevisions(tx: Transaction, key: DocumentKey): Promise<RevisionRow[]> {
  return tx.query<RevisionRow>(
    'search_lock_revisions',
    `select id, version, state
     from search.revisions
     where workspace_id = $1 and document_id = $2
     order by id
     for update`,
    [key.workspaceId, key.documentId],
  );
}

export async function insertRevision(
  tx: Transaction,
  key: VersionKey,
): Promise<number | undefined> {
  const [added] = await tx.query<{ id: number }>(
    'search_insert_revision',
    `insert into search.revisions (workspace_id, document_id, version)
     values ($1, $2, $3)
     on conflict (workspace_id, document_id) where state = 'staged' do nothing
     returning id`,
    [key.workspaceId, key.documentId, key.version],
  );
  return added?.id;
}

export async function markPublished(
  tx: Transaction,
  workspaceId: string,
  revisionId: number,
): Promise<void> {
  await tx.query(
    'search_mark_published',
    `update search.revisions set state = 'published' where workspace_id = $1 and id = $2`,
    [workspaceId, revisionId],
  );
}

// From the leaves, a statement each: the cascade would run one delete per chunk, and could not count.
export async function deleteRevisions(
  tx: Transaction,
  workspaceId: string,
  revisionIds: readonly number[],
): Promise<RemovedRows> {
  const values = [workspaceId, revisionIds];
  const [terms] = await tx.query<{ removed: number }>(
    'search_delete_terms',
    `with deleted as (
       delete from search.chunk_terms where workspace_id = $1 and revision_id = any($2::bigint[]) returning 1
     )
     select count(*)::integer as removed from deleted`,
    values,
  );
  const [embeddings] = await tx.query<{ removed: number }>(
    'search_delete_embeddings',
    `with deleted as (
       delete from search.chunk_embeddings where workspace_id = $1 and revision_id = any($2::bigint[]) returning 1
     )
     select count(*)::integer as removed from deleted`,
    values,
  );
  const [chunks] = await tx.query<{ removed: number }>(
    'search_delete_chunks',
    `with deleted as (
       delete from search.chunks where workspace_id = $1 and revision_id = any($2::bigint[]) returning 1
     )
     select count(*)::integer as removed from deleted`,
    values,
  );
  const revisions = await tx.query(
    'search_delete_revisions',
    `delete from search.revisions where workspace_id = $1 and id = any($2::bigint[]) returning id`,
    values,
  );
  return {
    revisions: revisions.length,
    chunks: chunks?.removed ?? 0,
    terms: terms?.removed ?? 0,
    embeddings: embeddings?.removed ?? 0,
  };
}
