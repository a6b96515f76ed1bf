import type { Queryable, Transaction } from '@capstone/platform/database';
import { indexedText, type Chunk } from './chunk-text.js';
import type { EmbedderDescription } from './embedder.js';
import type { VersionKey } from './index-keys.js';
import { vectorLiteral } from './vector-literal.js';

export interface ChunkToEmbed {
  readonly ordinal: number;
  /** Context and content: what the vector is made from. */
  readonly text: string;
}

export interface ChunkEmbedding {
  readonly ordinal: number;
  readonly vector: Float32Array;
}

/** Finds or adds the model by its fingerprint; the id is what the other functions take. */
export async function registerModel(db: Queryable, model: EmbedderDescription): Promise<number> {
  const rows = await db.query<{ id: number }>(
    'search_register_model',
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

export async function reuseEmbeddings(
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

/** The chunks of a revision, and how many of them have a vector of this model. */
export async function countChunks(
  tx: Transaction,
  workspaceId: string,
  revisionId: number,
  modelId: number,
): Promise<{ chunks: number; embedded: number }> {
  const [row] = await tx.query<{ chunks: number; embedded: number }>(
    'search_count_chunks',
    `select count(*)::integer as chunks, count(e.model_id)::integer as embedded
     from search.chunks c
     left join search.chunk_embeddings e
       on e.workspace_id = c.workspace_id and e.revision_id = c.revision_id and e.ordinal = c.ordinal
       and e.model_id = $3
     where c.workspace_id = $1 and c.revision_id = $2`,
    [workspaceId, revisionId, modelId],
  );
  return row ?? { chunks: 0, embedded: 0 };
}
