import type { DocumentStatus, TextContentType } from '@capstone/contracts/documents';
import type { Queryable, Transaction } from '@capstone/platform/database';
import type { Block } from '@capstone/retrieval/extract';
import type { VersionKey } from '@capstone/retrieval/index-writer';

export interface Counts {
  characters: number;
  chunks: number;
  embedded: number;
}

/** A version that this process holds the lease of. Every write below names the holder. */
export interface Claim extends VersionKey {
  holder: string;
  /** Where to go on. */
  status: 'extracting' | 'chunking' | 'embedding';
  contentType: TextContentType;
  attempt: number;
  counts: Counts;
}

/** The canonical text with its structure, and the title it is indexed under. */
export interface TitledText {
  readonly title: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

const counts = `
  json_build_object('characters', characters, 'chunks', chunks, 'embedded', embedded) as "counts"`;

/** Compare-and-set: of any number of runs, one gets the version, and only while nobody else's lease is good. */
export async function claimVersion(
  tx: Transaction,
  key: VersionKey,
  { holder, leaseMs }: { holder: string; leaseMs: number },
): Promise<Claim | undefined> {
  const [row] = await tx.query<Omit<Claim, keyof VersionKey | 'holder'>>(
    'ingestion.claim',
    `update app.document_versions
     set lease_holder = $4,
         lease_until = now() + $5 * interval '1 millisecond',
         attempt = attempt + 1,
         status = case status when 'received' then 'extracting' else status end,
         extracting_at = coalesce(extracting_at, now()),
         progress = progress + 1
     where workspace_id = $1 and document_id = $2 and version = $3
       and finished_at is null
       and (lease_holder is null or lease_until < now())
     returning status, content_type as "contentType", attempt, ${counts}`,
    [key.workspaceId, key.documentId, key.version, holder, leaseMs],
  );
  return row && { ...key, holder, ...row };
}

/** False when the lease is gone: the version was cancelled, superseded or deleted, or another process has it. */
export async function renewLease(tx: Transaction, claim: Claim, leaseMs: number): Promise<boolean> {
  const rows = await tx.query(
    'ingestion.renew',
    `update app.document_versions
     set lease_until = now() + $5 * interval '1 millisecond'
     where workspace_id = $1 and document_id = $2 and version = $3
       and lease_holder = $4 and finished_at is null
     returning version`,
    [...identity(claim), leaseMs],
  );
  return rows.length === 1;
}

/** Lets go without having finished; the next run may claim at once, the reaper looks again after `againInMs`. */
export async function releaseLease(
  tx: Transaction,
  claim: Claim,
  againInMs: number,
): Promise<void> {
  await tx.query(
    'ingestion.release',
    `update app.document_versions
     set lease_holder = null,
         lease_until = now() + $5 * interval '1 millisecond'
     where workspace_id = $1 and document_id = $2 and version = $3
       and lease_holder = $4 and finished_at is null`,
    [...identity(claim), againInMs],
  );
}

export interface Progress {
  readonly status: DocumentStatus;
  readonly characters?: number;
  readonly chunks?: number;
  readonly embedded?: number;
}

/**
 * Sets the status and what is known by then; what is left out stays. Undefined when the lease is gone. The row stays
 * locked until the commit. `embedded` stops at all: after a change of model the same chunks are embedded once more.
 */
export async function advance(
  tx: Transaction,
  claim: Claim,
  to: Progress,
): Promise<Counts | undefined> {
  const [row] = await tx.query<{ counts: Counts }>(
    'ingestion.advance',
    `update app.document_versions
     set status = $5,
         characters = coalesce($6, characters),
         chunks = coalesce($7, chunks),
         embedded = case when $5 = 'ready' then chunks else least(coalesce($8, embedded), coalesce($7, chunks)) end,
         progress = progress + 1,
         chunking_at = case when $5 = 'chunking' then coalesce(chunking_at, now()) else chunking_at end,
         embedding_at = case when $5 = 'embedding' then coalesce(embedding_at, now()) else embedding_at end,
         finished_at = case when $5 = 'ready' then now() end,
         lease_holder = case when $5 = 'ready' then null else lease_holder end,
         lease_until = case when $5 = 'ready' then null else lease_until end
     where workspace_id = $1 and document_id = $2 and version = $3
       and lease_holder = $4 and finished_at is null
     returning ${counts}`,
    [...identity(claim), to.status, to.characters ?? null, to.chunks ?? null, to.embedded ?? null],
  );
  return row?.counts;
}

/** The end of a version that cannot be processed. */
export async function failVersion(
  tx: Transaction,
  claim: Claim,
  error: { code: string; detail: string },
): Promise<Counts | undefined> {
  const [row] = await tx.query<{ counts: Counts }>(
    'ingestion.fail',
    `update app.document_versions
     set status = 'failed', error_code = $5, error_detail = $6,
         finished_at = now(), progress = progress + 1,
         lease_holder = null, lease_until = null
     where workspace_id = $1 and document_id = $2 and version = $3
       and lease_holder = $4 and finished_at is null
     returning ${counts}`,
    [...identity(claim), error.code, error.detail],
  );
  return row?.counts;
}

/**
 * Ends the lease of a version that was cancelled or superseded while it was worked on, and locks the row; false when
 * there is none, or when another process may still believe in it. Whoever gets true clears what the version left behind,
 * in the same transaction. `holder` is the process's own claim, if it had one.
 */
export async function endAbandonedLease(
  tx: Transaction,
  key: VersionKey,
  holder: string | undefined,
): Promise<boolean> {
  const rows = await tx.query(
    'ingestion.end_abandoned_lease',
    `update app.document_versions
     set lease_holder = null, lease_until = null
     where workspace_id = $1 and document_id = $2 and version = $3
       and finished_at is not null
       and lease_until is not null
       and (lease_holder is null or lease_holder = $4 or lease_until < now())
     returning version`,
    [key.workspaceId, key.documentId, key.version, holder ?? null],
  );
  return rows.length === 1;
}

export async function findOriginal(
  db: Queryable,
  key: VersionKey,
): Promise<{ title: string; content: Buffer } | undefined> {
  const [row] = await db.query<{ title: string; content: Buffer }>(
    'ingestion.find_original',
    `select d.title, o.content
     from app.documents d
     join app.document_originals o
       on o.workspace_id = d.workspace_id and o.document_id = d.id and o.version = $3
     where d.workspace_id = $1 and d.id = $2`,
    [key.workspaceId, key.documentId, key.version],
  );
  return row;
}

export async function findText(db: Queryable, key: VersionKey): Promise<TitledText | undefined> {
  const [row] = await db.query<TitledText>(
    'ingestion.find_text',
    `select d.title, t.content as "text", t.blocks
     from app.documents d
     join app.document_texts t
       on t.workspace_id = d.workspace_id and t.document_id = d.id and t.version = $3
     where d.workspace_id = $1 and d.id = $2`,
    [key.workspaceId, key.documentId, key.version],
  );
  return row;
}

export async function upsertText(
  tx: Transaction,
  key: VersionKey,
  extracted: { text: string; blocks: readonly Block[] },
): Promise<void> {
  await tx.query(
    'ingestion.upsert_text',
    `insert into app.document_texts (workspace_id, document_id, version, content, blocks)
     values ($1, $2, $3, $4, $5::jsonb)
     on conflict (workspace_id, document_id, version)
     do update set content = excluded.content, blocks = excluded.blocks`,
    [
      key.workspaceId,
      key.documentId,
      key.version,
      extracted.text,
      JSON.stringify(extracted.blocks),
    ],
  );
}

export async function deleteText(tx: Transaction, key: VersionKey): Promise<void> {
  await tx.query(
    'ingestion.delete_text',
    `delete from app.document_texts
     where workspace_id = $1 and document_id = $2 and version = $3`,
    [key.workspaceId, key.documentId, key.version],
  );
}

/** False when the document was deleted. The lock keeps a delete out until the new version is in, or refuses it after. */
export async function lockLiveDocument(tx: Transaction, key: VersionKey): Promise<boolean> {
  const rows = await tx.query(
    'ingestion.lock_document',
    `select id
     from app.documents
     where workspace_id = $1 and id = $2 and deleted_at is null
     for no key update`,
    [key.workspaceId, key.documentId],
  );
  return rows.length === 1;
}

/** Readers see this version from the commit on. What older versions were made from has no further use. */
export async function makeCurrent(tx: Transaction, key: VersionKey): Promise<void> {
  const older = [key.workspaceId, key.documentId, key.version] as const;
  await tx.query(
    'ingestion.make_current',
    `update app.documents
     set current_version = $3, updated_at = now()
     where workspace_id = $1 and id = $2`,
    older,
  );
  if (key.version === 1) return;
  await tx.query(
    'ingestion.delete_older_texts',
    `delete from app.document_texts
     where workspace_id = $1 and document_id = $2 and version < $3`,
    older,
  );
  await tx.query(
    'ingestion.delete_older_originals',
    `delete from app.document_originals
     where workspace_id = $1 and document_id = $2 and version < $3`,
    older,
  );
}

function identity(claim: Claim) {
  return [claim.workspaceId, claim.documentId, claim.version, claim.holder] as const;
}
