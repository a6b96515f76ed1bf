import type { Document, DocumentMetadata, ListDocuments } from '@capstone/contracts/documents';
import type { Queryable, Transaction } from '@capstone/platform/database';

/** The public record and what only this service needs to know of it. */
export interface DocumentRow extends Document {
  currentVersion: number | null;
  /** Hexadecimal, as it goes into stored answers too. */
  sha256: string;
  /** The two halves of the ETag: what people changed, and what the worker changed. */
  revision: number;
  progress: number;
}

const columns = `
  d.id, d.title, d.source_key as "sourceKey", v.content_type as "contentType", v.bytes, v.status,
  d.newest_version as "version",
  json_build_object('characters', v.characters, 'chunks', v.chunks, 'embedded', v.embedded) as "counts",
  case when v.error_code is not null
    then json_build_object('code', v.error_code, 'detail', v.error_detail) end as "error",
  d.metadata, app.rfc3339(d.created_at) as "createdAt",
  app.rfc3339(d.updated_at) as "updatedAt",
  d.current_version as "currentVersion", encode(v.sha256, 'hex') as "sha256", d.revision, v.progress`;

const newest = `
  from app.documents d
  join app.document_versions v
    on v.workspace_id = d.workspace_id and v.document_id = d.id and v.version = d.newest_version`;

export async function findDocument(
  db: Queryable,
  workspaceId: string,
  id: string,
): Promise<DocumentRow | undefined> {
  const [row] = await db.query<DocumentRow>(
    'documents.find',
    `select ${columns} ${newest}
     where d.workspace_id = $1 and d.id = $2 and d.deleted_at is null`,
    [workspaceId, id],
  );
  return row;
}

export interface DocumentList extends Omit<ListDocuments, 'cursor'> {
  /** The id after which the page begins, in descending order; without it, at the newest. */
  readonly beforeId: string | undefined;
}

export async function listDocuments(
  db: Queryable,
  workspaceId: string,
  list: DocumentList,
): Promise<DocumentRow[]> {
  return db.query<DocumentRow>(
    'documents.list',
    `select ${columns} ${newest}
     where d.workspace_id = $1
       and d.deleted_at is null
       and ($2::text is null or v.status = $2)
       and ($3::text is null or d.source_key = $3)
       and ($4::text is null or strpos(lower(d.title), lower($4)) > 0)
       and ($5::uuid is null or d.id < $5)
     order by d.id desc
     limit $6`,
    [
      workspaceId,
      list.status ?? null,
      list.sourceKey ?? null,
      list.q ?? null,
      list.beforeId ?? null,
      list.limit,
    ],
  );
}

/** The text that search serves and its offsets point into; undefined while no version was ever ready. */
export async function findCurrentText(
  db: Queryable,
  workspaceId: string,
  id: string,
): Promise<{ version: number; text: string } | undefined> {
  const [row] = await db.query<{ version: number; text: string }>(
    'documents.find_text',
    `select t.version, t.content as "text"
     from app.documents d
     join app.document_texts t
       on t.workspace_id = d.workspace_id and t.document_id = d.id and t.version = d.current_version
     where d.workspace_id = $1 and d.id = $2 and d.deleted_at is null`,
    [workspaceId, id],
  );
  return row;
}

/**
 * Locks the document row: everything that makes a version or changes one from outside the worker holds it. NO KEY: the
 * worker's inserts refer to the row while they hold the lock of a version, and the two would otherwise wait for each other.
 * A statement of its own, sent together with the next: one that also joined the newest version would, after waiting for a rival, look for the rival's
 * version in a snapshot from before it, and find nothing.
 */
export async function lockDocument(
  tx: Transaction,
  workspaceId: string,
  id: string,
): Promise<DocumentRow | undefined> {
  const locking = tx.query<{ id: string }>(
    'documents.lock',
    `select id
     from app.documents
     where workspace_id = $1 and id = $2 and deleted_at is null
     for no key update`,
    [workspaceId, id],
  );
  const [[locked], document] = await Promise.all([locking, findDocument(tx, workspaceId, id)]);
  return locked && document;
}

export async function lockDocumentBySource(
  tx: Transaction,
  workspaceId: string,
  sourceKey: string,
): Promise<DocumentRow | undefined> {
  const [locked] = await tx.query<{ id: string }>(
    'documents.lock_by_source',
    `select id
     from app.documents
     where workspace_id = $1 and source_key = $2 and deleted_at is null
     for no key update`,
    [workspaceId, sourceKey],
  );
  return locked && findDocument(tx, workspaceId, locked.id);
}

/**
 * False when a live document holds the source key already. Two first uploads under one key meet in the unique index:
 * the second waits here for the first to commit, and then finds it.
 */
export async function insertDocument(
  tx: Transaction,
  workspaceId: string,
  document: {
    id: string;
    sourceKey: string | undefined;
    title: string;
    metadata: DocumentMetadata;
    createdBy: string;
  },
): Promise<boolean> {
  const rows = await tx.query<{ id: string }>(
    'documents.insert',
    `insert into app.documents (workspace_id, id, source_key, title, metadata, created_by)
     values ($1, $2, $3, $4, $5::jsonb, $6)
     on conflict (workspace_id, source_key) where deleted_at is null do nothing
     returning id`,
    [
      workspaceId,
      document.id,
      document.sourceKey ?? null,
      document.title,
      JSON.stringify(document.metadata),
      document.createdBy,
    ],
  );
  return rows.length === 1;
}

/** Changes what is recorded of the document; what is undefined stays. */
export function updateDocument(
  tx: Transaction,
  workspaceId: string,
  id: string,
  change: {
    title?: string | undefined;
    metadata?: DocumentMetadata | undefined;
    newestVersion?: number;
  },
): void {
  tx.send(
    'documents.update',
    `update app.documents
     set title = coalesce($3, title),
         metadata = coalesce($4::jsonb, metadata),
         newest_version = coalesce($5, newest_version),
         revision = revision + 1,
         updated_at = now()
     where workspace_id = $1 and id = $2`,
    [
      workspaceId,
      id,
      change.title ?? null,
      change.metadata === undefined ? null : JSON.stringify(change.metadata),
      change.newestVersion ?? null,
    ],
  );
}

export function insertVersion(
  tx: Transaction,
  workspaceId: string,
  version: {
    documentId: string;
    version: number;
    sha256: string;
    contentType: string;
    content: Buffer;
  },
): void {
  tx.send(
    'document_versions.insert',
    `insert into app.document_versions (workspace_id, document_id, version, sha256, content_type, bytes)
     values ($1, $2, $3, decode($4, 'hex'), $5, $6)`,
    [
      workspaceId,
      version.documentId,
      version.version,
      version.sha256,
      version.contentType,
      version.content.byteLength,
    ],
  );
  tx.send(
    'document_originals.insert',
    `insert into app.document_originals (workspace_id, document_id, version, content)
     values ($1, $2, $3, $4)`,
    [workspaceId, version.documentId, version.version, version.content],
  );
}

/** A version with the bytes of another one, to be processed from the start. */
export function copyVersion(
  tx: Transaction,
  workspaceId: string,
  documentId: string,
  { from, to }: { from: number; to: number },
): void {
  tx.send(
    'document_versions.copy',
    `with version as (
       insert into app.document_versions (workspace_id, document_id, version, sha256, content_type, bytes)
       select workspace_id, document_id, $4, sha256, content_type, bytes
       from app.document_versions
       where workspace_id = $1 and document_id = $2 and version = $3
       returning workspace_id, document_id, version
     )
     insert into app.document_originals (workspace_id, document_id, version, content)
     select version.workspace_id, version.document_id, version.version, original.content
     from version
     join app.document_originals original
       on original.workspace_id = $1 and original.document_id = $2 and original.version = $3`,
    [workspaceId, documentId, from, to],
  );
}

/**
 * Ends what is unfinished, whoever works on it: the worker names its lease and an unfinished status in every write, so
 * from here on it can write nothing. `lease_until` stays, so that the rows it may have left behind are cleared.
 */
export function endUnfinishedVersions(
  tx: Transaction,
  workspaceId: string,
  documentId: string,
  status: 'cancelled' | 'superseded',
): void {
  tx.send(
    'document_versions.end_unfinished',
    `update app.document_versions
     set status = $3, finished_at = now(), progress = progress + 1
     where workspace_id = $1 and document_id = $2 and finished_at is null`,
    [workspaceId, documentId, status],
  );
}

/** Hides the document from every reader at once. */
export function markDeleted(tx: Transaction, workspaceId: string, id: string): void {
  tx.send(
    'documents.mark_deleted',
    `update app.documents
     set deleted_at = now(), purge_due_at = now() + interval '1 minute', updated_at = now(), revision = revision + 1
     where workspace_id = $1 and id = $2`,
    [workspaceId, id],
  );
}
