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

/** The answers that the document was part of: they may hold its words. */
export async function deleteAnswers(tx: Transaction, key: DocumentKey): Promise<number> {
  const rows = await tx.query(
    'purge.delete_answers',
    `delete from app.ask_runs r
     using app.ask_sources s
     where r.workspace_id = $1 and s.workspace_id = $1 and s.document_id = $2 and r.id = s.run_id
     returning r.id`,
    [key.workspaceId, key.documentId],
  );
  return rows.length;
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
