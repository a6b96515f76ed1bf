import type { Transaction } from '@capstone/platform/database';
import type { DocumentKey } from '@capstone/retrieval/index-writer';

export async function lockDeletedDocument(tx: Transaction, key: DocumentKey): Promise<boolean> {
  const rows = await tx.query(
    'purge.lock_document',
    `select id
     from app.documents
     where workspace_id = $1 and id = $2 and deleted_at is not null
     for update`,
    [key.workspaceId, key.documentId],
  );
  return rows.length === 1;
}

/** Takes versions, originals and texts with it, by cascade. */
export async function deleteDocument(tx: Transaction, key: DocumentKey): Promise<void> {
  await tx.query(
    'purge.delete_document',
    `delete from app.documents
     where workspace_id = $1 and id = $2 and deleted_at is not null`,
    [key.workspaceId, key.documentId],
  );
}
