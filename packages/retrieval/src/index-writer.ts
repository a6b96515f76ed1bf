import type { DocumentMetadata } from '@capstone/contracts/documents';
import type { Queryable, Transaction } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { indexedText, type Chunk } from './chunk-text.js';
import type { EmbedderDescription } from './embedder.js';
import { attributeColumns } from './attribute-columns.js';
import { searchableText } from './searchable-text.js';
import { vectorLiteral } from './vector-literal.js';

export interface DocumentKey {
  readonly workspaceId: string;
  readonly documentId: string;
}

export interface VersionKey extends DocumentKey {
  readonly version: number;
}

export interface ChunkToEmbed {
  readonly ordinal: number;
  /** Context and content: what the vector is made from. */
  readonly text: string;
}

export interface ChunkEmbedding {
  readonly ordinal: number;
  readonly vector: Float32Array;
}

export interface RemovedRows {
  readonly revisions: number;
  readonly chunks: number;
  readonly terms: number;
  readonly embeddings: number;
  readonly attributes: number;
}

interface RevisionRow {
  id: number;
  version: number;
  state: 'staged' | 'published';
}

/** Finds or adds the model by its fingerprint; the id is what the other functions take. */
export async function registerModel(db: Queryable, model: EmbedderDescription): Promise<number> {
  const rows = await db.query<{ id: number }>(
    'search_register_model',
    // Two statements' worth in one: a conflicting insert returns nothing, then the row is there to be read.
    `with added as (
       insert into search.embedding_models (name, kind, dimensions, fingerprint)
       select $1, $2, $3, $4
       where not exists (select from search.embedding_models where fingerprint = $4)
       on conflict (fingerprint) do nothing
       returning id
     )
     select id from added
     union all
     select id from search.embedding_models where fingerprint = $4`,
    [model.name, model.kind, model.dimensions, model.fingerprint],
  );
  const [row] = rows;
  // A rival added it between our look and our insert: now it is there.
  return row ? row.id : registerModel(db, model);
}

/**
 * Writes chunks and their postings beside what is searchable now. Call it in batches of about 100, each in its own
 * transaction that has checked the caller's claim. Repeating a batch changes nothing; a chunk that came out differently
 * replaces its predecessor. Vectors that the workspace already has for the same text are taken over: `reused` counts
 * them. Staging a newer version drops an older staged one; staging an older one throws `conflict`.
 */
export async function stageChunks(
  tx: Transaction,
  key: VersionKey,
  batch: { modelId: number; chunks: readonly Chunk[] },
): Promise<{ reused: number }> {
  const revisionId = await openStagedRevision(tx, key);
  const rows = JSON.stringify(batch.chunks.map(toRow));
  await deleteChangedChunks(tx, key.workspaceId, revisionId, rows);
  await insertChunks(tx, key.workspaceId, revisionId, rows);
  return { reused: await reuseEmbeddings(tx, key.workspaceId, revisionId, batch) };
}

/** How far a staged version is: chunks written, and those of them that have a vector. */
export async function countStaged(
  db: Queryable,
  key: VersionKey,
  modelId: number,
): Promise<{ chunks: number; embedded: number }> {
  const [row] = await db.query<{ chunks: number; embedded: number }>(
    'search_count_staged',
    `select count(*)::integer as chunks, count(e.model_id)::integer as embedded
     from search.revisions r
     join search.chunks c on c.workspace_id = r.workspace_id and c.revision_id = r.id
     left join search.chunk_embeddings e
       on e.workspace_id = c.workspace_id and e.revision_id = c.revision_id and e.ordinal = c.ordinal
       and e.model_id = $4
     where r.workspace_id = $1 and r.document_id = $2 and r.version = $3 and r.state = 'staged'`,
    [key.workspaceId, key.documentId, key.version, modelId],
  );
  return row ?? { chunks: 0, embedded: 0 };
}

/** The staged chunks that have no vector of this model yet, in order. None: the version can be published. */
export async function listChunksToEmbed(
  db: Queryable,
  key: VersionKey,
  options: { modelId: number; limit: number },
): Promise<ChunkToEmbed[]> {
  const rows = await db.query<{ ordinal: number; context: string; content: string }>(
    'search_list_chunks_to_embed',
    `select c.ordinal, c.context, c.content
     from search.revisions r
     join search.chunks c on c.workspace_id = r.workspace_id and c.revision_id = r.id
     where r.workspace_id = $1 and r.document_id = $2 and r.version = $3 and r.state = 'staged'
       and not exists (
         select from search.chunk_embeddings e
         where e.workspace_id = $1 and e.revision_id = c.revision_id and e.ordinal = c.ordinal and e.model_id = $4
       )
     order by c.ordinal
     limit $5`,
    [key.workspaceId, key.documentId, key.version, options.modelId, options.limit],
  );
  return rows.map((row) => ({ ordinal: row.ordinal, text: indexedText(row) }));
}

/** Adds vectors to staged chunks. Those that have one, or are gone, are left alone. */
export async function storeEmbeddings(
  tx: Transaction,
  key: VersionKey,
  batch: { modelId: number; embeddings: readonly ChunkEmbedding[] },
): Promise<void> {
  await tx.query(
    'search_store_embeddings',
    `insert into search.chunk_embeddings (workspace_id, revision_id, ordinal, model_id, embedding)
     select c.workspace_id, c.revision_id, c.ordinal, $4, b.embedding::halfvec
     from unnest($5::integer[], $6::text[]) as b(ordinal, embedding)
     join search.revisions r
       on r.workspace_id = $1 and r.document_id = $2 and r.version = $3 and r.state = 'staged'
     join search.chunks c on c.workspace_id = r.workspace_id and c.revision_id = r.id and c.ordinal = b.ordinal
     on conflict (workspace_id, revision_id, ordinal, model_id) do nothing`,
    [
      key.workspaceId,
      key.documentId,
      key.version,
      batch.modelId,
      batch.embeddings.map((embedding) => embedding.ordinal),
      batch.embeddings.map((embedding) => vectorLiteral(embedding.vector)),
    ],
  );
}

/**
 * Makes the staged version the searchable one and removes the one before, statistics included, all at commit. Repeating
 * it changes nothing. Call it in the transaction that has locked the document and seen that it is still wanted. Throws
 * `conflict` when the version is not staged, and an Error when chunks or vectors are missing.
 */
export async function publishVersion(
  tx: Transaction,
  key: VersionKey,
  expected: { modelId: number; chunkCount: number },
): Promise<void> {
  const revisions = await lockRevisions(tx, key);
  const staged = revisions.find(
    ({ state, version }) => state === 'staged' && version === key.version,
  );
  const published = revisions.find(({ state }) => state === 'published');
  if (!staged) {
    if (published?.version === key.version) return;
    throw new Problem('conflict', { detail: 'This version is not staged.' });
  }
  await allowLongStatements(tx);
  await requireComplete(tx, key.workspaceId, staged.id, expected);
  await lockStatistics(tx, key.workspaceId);
  await applyStatistics(tx, key.workspaceId, { added: staged.id, removed: published?.id ?? null });
  if (published) await deleteRevisions(tx, key.workspaceId, [published.id]);
  await tx.query(
    'search_publish_revision',
    `update search.revisions set state = 'published' where workspace_id = $1 and id = $2`,
    [key.workspaceId, staged.id],
  );
}

/** Removes what a cancelled, failed or superseded version left behind; what is published stays. */
export async function discardVersion(tx: Transaction, key: VersionKey): Promise<RemovedRows> {
  const revisions = await lockRevisions(tx, key);
  const staged = revisions.filter(
    ({ state, version }) => state === 'staged' && version === key.version,
  );
  await allowLongStatements(tx);
  return deleteRevisions(
    tx,
    key.workspaceId,
    staged.map(({ id }) => id),
  );
}

/**
 * Removes every row of the document and corrects the statistics; a second call removes nothing. Searches stop finding a
 * document when `deleted_at` is set; this frees the space and must come before the document's own row goes.
 */
export async function purgeDocument(tx: Transaction, key: DocumentKey): Promise<RemovedRows> {
  const revisions = await lockRevisions(tx, key);
  await allowLongStatements(tx);
  const published = revisions.find(({ state }) => state === 'published');
  if (published) {
    await lockStatistics(tx, key.workspaceId);
    await applyStatistics(tx, key.workspaceId, { added: null, removed: published.id });
  }
  const attributes = await deleteAttributes(tx, key);
  const removed = await deleteRevisions(
    tx,
    key.workspaceId,
    revisions.map(({ id }) => id),
  );
  return { ...removed, attributes };
}

/**
 * Sets what `filters.metadata` of a search compares with, for all versions of the document, from this commit on. Call it
 * in every transaction that writes the document's metadata, its creation included. The api's role may.
 */
export async function replaceAttributes(
  tx: Transaction,
  key: DocumentKey,
  metadata: DocumentMetadata,
): Promise<void> {
  await deleteAttributes(tx, key);
  const entries = Object.entries(metadata);
  if (entries.length === 0) return;
  await tx.query(
    'search_insert_attributes',
    `insert into search.document_attributes (workspace_id, document_id, key, text_value, number_value, boolean_value)
     select $1, $2, a.key, a.text_value, a.number_value, a.boolean_value
     from unnest($3::text[], $4::text[], $5::double precision[], $6::boolean[])
       as a(key, text_value, number_value, boolean_value)`,
    [key.workspaceId, key.documentId, ...attributeColumns(entries)],
  );
}

async function openStagedRevision(tx: Transaction, key: VersionKey): Promise<number> {
  const staged = (await lockRevisions(tx, key)).find(({ state }) => state === 'staged');
  if (staged?.version === key.version) return staged.id;
  if (staged && staged.version > key.version) {
    throw new Problem('conflict', { detail: 'A newer version is being indexed.' });
  }
  if (staged) await deleteRevisions(tx, key.workspaceId, [staged.id]);
  const [added] = await tx.query<{ id: number }>(
    'search_insert_revision',
    `insert into search.revisions (workspace_id, document_id, version)
     values ($1, $2, $3)
     on conflict (workspace_id, document_id) where state = 'staged' do nothing
     returning id`,
    [key.workspaceId, key.documentId, key.version],
  );
  if (!added) throw new Problem('conflict', { detail: 'The document is being indexed elsewhere.' });
  return added.id;
}

async function lockRevisions(tx: Transaction, key: DocumentKey): Promise<RevisionRow[]> {
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

function toRow(chunk: Chunk) {
  return {
    ordinal: chunk.ordinal,
    char_start: chunk.charStart,
    char_end: chunk.charEnd,
    content: chunk.content,
    heading_path: chunk.headingPath,
    context: chunk.context,
    sha256: chunk.sha256,
    tokens: chunk.tokens,
    searchable: searchableText(indexedText(chunk)),
  };
}

async function deleteChangedChunks(
  tx: Transaction,
  workspaceId: string,
  revisionId: number,
  rows: string,
): Promise<void> {
  await tx.query(
    'search_delete_changed_chunks',
    `delete from search.chunks c
     using jsonb_to_recordset($3::jsonb) as b(ordinal integer, char_start integer, char_end integer, sha256 text)
     where c.workspace_id = $1 and c.revision_id = $2 and c.ordinal = b.ordinal
       and (c.sha256, c.char_start, c.char_end) <> (decode(b.sha256, 'hex'), b.char_start, b.char_end)`,
    [workspaceId, revisionId, rows],
  );
}

// Postgres makes the lexemes here and in rank-chunks.ts, from what searchableText made of both sides.
async function insertChunks(
  tx: Transaction,
  workspaceId: string,
  revisionId: number,
  rows: string,
): Promise<void> {
  await tx.query(
    'search_insert_chunks',
    `with batch as materialized (
       select b.*, to_tsvector('pg_catalog.english', b.searchable) as terms
       from jsonb_to_recordset($3::jsonb) as b(
         ordinal integer, char_start integer, char_end integer, content text, heading_path text[], context text,
         sha256 text, tokens integer, searchable text)
     ), postings as materialized (
       select b.ordinal, t.lexeme, cardinality(t.positions) as frequency
       from batch b
       cross join lateral unnest(b.terms) as t
     ), lengths as (
       select ordinal, sum(frequency)::integer as length
       from postings
       group by ordinal
     ), inserted as (
       insert into search.chunks (
         workspace_id, revision_id, ordinal, char_start, char_end, content, heading_path, context, sha256, tokens, length)
       select $1, $2, b.ordinal, b.char_start, b.char_end, b.content, b.heading_path, b.context,
         decode(b.sha256, 'hex'), b.tokens, coalesce(l.length, 0)
       from batch b
       left join lengths l on l.ordinal = b.ordinal
       order by b.ordinal
       on conflict (workspace_id, revision_id, ordinal) do nothing
       returning ordinal, length
     )
     insert into search.chunk_terms (workspace_id, lexeme, revision_id, ordinal, frequency, chunk_length)
     select $1, p.lexeme, $2, p.ordinal, p.frequency, i.length
     from inserted i
     join postings p on p.ordinal = i.ordinal
     order by p.lexeme collate "C", p.ordinal`,
    [workspaceId, revisionId, rows],
  );
}

async function reuseEmbeddings(
  tx: Transaction,
  workspaceId: string,
  revisionId: number,
  batch: { modelId: number; chunks: readonly Chunk[] },
): Promise<number> {
  const reused = await tx.query(
    'search_reuse_embeddings',
    `insert into search.chunk_embeddings (workspace_id, revision_id, ordinal, model_id, embedding)
     select c.workspace_id, c.revision_id, c.ordinal, $4, known.embedding
     from search.chunks c
     cross join lateral (
       select e.embedding
       from search.chunks twin
       join search.chunk_embeddings e
         on e.workspace_id = twin.workspace_id and e.revision_id = twin.revision_id and e.ordinal = twin.ordinal
       where twin.workspace_id = $1 and twin.sha256 = c.sha256 and e.model_id = $4
       limit 1
     ) known
     where c.workspace_id = $1 and c.revision_id = $2 and c.ordinal = any($3::integer[])
     on conflict (workspace_id, revision_id, ordinal, model_id) do nothing
     returning ordinal`,
    [workspaceId, revisionId, batch.chunks.map(({ ordinal }) => ordinal), batch.modelId],
  );
  return reused.length;
}

async function requireComplete(
  tx: Transaction,
  workspaceId: string,
  revisionId: number,
  expected: { modelId: number; chunkCount: number },
): Promise<void> {
  await tx.query(
    'search_trim_chunks',
    // Left by an earlier attempt that cut the text into more pieces.
    `delete from search.chunks where workspace_id = $1 and revision_id = $2 and ordinal >= $3`,
    [workspaceId, revisionId, expected.chunkCount],
  );
  const [row] = await tx.query<{ complete: boolean }>(
    'search_count_complete_chunks',
    `select count(*) = $4 and count(e.model_id) = $4 as complete
     from search.chunks c
     left join search.chunk_embeddings e
       on e.workspace_id = c.workspace_id and e.revision_id = c.revision_id and e.ordinal = c.ordinal
       and e.model_id = $3
     where c.workspace_id = $1 and c.revision_id = $2`,
    [workspaceId, revisionId, expected.modelId, expected.chunkCount],
  );
  if (!row?.complete) {
    throw new Error(`Not all of the ${expected.chunkCount} chunks are staged with a vector.`);
  }
}

// Taken after the revisions and before any term, by everyone: publishers of a workspace queue here and cannot deadlock.
async function lockStatistics(tx: Transaction, workspaceId: string): Promise<void> {
  await tx.query(
    'search_lock_statistics',
    `insert into search.workspace_stats (workspace_id, chunks, total_length)
     values ($1, 0, 0)
     on conflict (workspace_id) do update set chunks = workspace_stats.chunks`,
    [workspaceId],
  );
}

async function applyStatistics(
  tx: Transaction,
  workspaceId: string,
  change: { added: number | null; removed: number | null },
): Promise<void> {
  const values = [workspaceId, change.added, change.removed];
  await tx.query(
    'search_apply_workspace_stats',
    `update search.workspace_stats s
     set chunks = s.chunks + d.chunks, total_length = s.total_length + d.length
     from (
       select coalesce(sum(c.sign), 0) as chunks, coalesce(sum(c.sign * c.length), 0) as length
       from (
         select 1 as sign, length from search.chunks where workspace_id = $1 and revision_id = $2::bigint
         union all
         select -1, length from search.chunks where workspace_id = $1 and revision_id = $3::bigint
       ) c
     ) d
     where s.workspace_id = $1`,
    values,
  );
  await tx.query(
    'search_apply_term_stats',
    `insert into search.term_stats (workspace_id, lexeme, chunk_frequency)
     select $1, p.lexeme, sum(p.sign)
     from (
       select lexeme, 1 as sign from search.chunk_terms where workspace_id = $1 and revision_id = $2::bigint
       union all
       select lexeme, -1 from search.chunk_terms where workspace_id = $1 and revision_id = $3::bigint
     ) p
     group by p.lexeme
     having sum(p.sign) <> 0
     on conflict (workspace_id, lexeme) do update
       set chunk_frequency = term_stats.chunk_frequency + excluded.chunk_frequency`,
    values,
  );
  if (change.removed === null) return;
  await tx.query(
    'search_delete_unused_terms',
    `delete from search.term_stats t
     using (
       select distinct lexeme from search.chunk_terms where workspace_id = $1 and revision_id = $2::bigint
     ) gone
     where t.workspace_id = $1 and t.lexeme = gone.lexeme and t.chunk_frequency <= 0`,
    [workspaceId, change.removed],
  );
}

// From the leaves, a statement each: the cascade would run one delete per chunk, and could not count.
async function deleteRevisions(
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
    attributes: 0,
  };
}

async function deleteAttributes(tx: Transaction, key: DocumentKey): Promise<number> {
  const deleted = await tx.query(
    'search_delete_attributes',
    `delete from search.document_attributes where workspace_id = $1 and document_id = $2 returning key`,
    [key.workspaceId, key.documentId],
  );
  return deleted.length;
}

// Statistics and removal run over a whole document: a million postings for 20 MB of text.
async function allowLongStatements(tx: Transaction): Promise<void> {
  await tx.query(
    'search_allow_long_statements',
    `select set_config('statement_timeout', '120s', true)`,
  );
}
