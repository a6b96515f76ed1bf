import type { Queryable } from '@capstone/platform/database';
import { attributeColumns, type Attribute } from './attributes.repository.js';

export interface RankedChunk {
  documentId: string;
  version: number;
  ordinal: number;
  title: string;
  headingPath: string[];
  content: string;
  charStart: number;
  charEnd: number;
  score: number;
  keywordRank: number | null;
  keywordScore: number | null;
  vectorRank: number | null;
  vectorScore: number | null;
}

export interface RankRequest {
  readonly workspaceId: string;
  readonly limit: number;
  /** Of the keyword leg, as searchableText gives it; null leaves the leg out. */
  readonly searchable: string | null;
  /** Of the vector leg; null leaves it out. */
  readonly vector: {
    readonly modelId: number;
    readonly literal: string;
    readonly weight: number;
  } | null;
  readonly documentIds: readonly string[] | null;
  readonly attributes: readonly Attribute[];
}

/**
 * Both legs and their fusion in one statement, so under one snapshot: a version is swapped before or after it, never
 * between the legs. Every table repeats the workspace, or the planner would only learn it from the policy.
 *
 * Keyword: BM25 with k1 1.2 and b 0.75, any word may match. Vector: exact, over the vectors of the workspace; the HNSW
 * path for very large ones would be a second statement with this shape, chosen by the caller from the number of chunks.
 * Fusion: reciprocal ranks with k 60 over the best 100 of each leg; the score of a single leg is its own.
 * At most three chunks of a document are taken while others have something to offer.
 */
export async function rankChunks(db: Queryable, request: RankRequest): Promise<RankedChunk[]> {
  return db.query<RankedChunk>('search_rank_chunks', rankChunksSql, [
    request.workspaceId,
    request.searchable,
    request.vector?.literal ?? null,
    request.vector?.modelId ?? null,
    request.vector?.weight ?? 0,
    request.documentIds,
    ...attributeColumns(request.attributes),
    request.limit,
  ]);
}

const rankChunksSql = `
with hidden as materialized (
  select id
  from search.revisions
  where workspace_id = $1 and state = 'staged'
  union all
  select r.id
  from app.documents d
  join search.revisions r on r.workspace_id = $1 and r.document_id = d.id
  where d.workspace_id = $1 and d.deleted_at is not null
), allowed as materialized (
  select r.id
  from search.revisions r
  where r.workspace_id = $1
    and r.state = 'published'
    and ($6::uuid[] is null or r.document_id = any($6::uuid[]))
    and (cardinality($7::text[]) = 0 or r.document_id in (
      select a.document_id
      from unnest($7::text[], $8::text[], $9::double precision[], $10::boolean[])
        as f(key, text_value, number_value, boolean_value)
      join search.document_attributes a
        on a.workspace_id = $1 and a.key = f.key
        and (a.text_value = f.text_value or a.number_value = f.number_value or a.boolean_value = f.boolean_value)
      group by a.document_id
      having count(*) = cardinality($7::text[])
    ))
), terms as materialized (
  select t.lexeme,
    ln(1 + (s.chunks - t.chunk_frequency + 0.5::double precision) / (t.chunk_frequency + 0.5::double precision)) as idf,
    s.total_length::double precision / s.chunks as mean_length
  from search.workspace_stats s
  join search.term_stats t on t.workspace_id = $1
  where s.workspace_id = $1
    and s.chunks > 0
    and t.lexeme = any(tsvector_to_array(to_tsvector('pg_catalog.english', $2::text)))
), keyword_scores as (
  select p.revision_id, p.ordinal,
    sum(t.idf * p.frequency * 2.2 / (p.frequency + 1.2 * (0.25 + 0.75 * (p.chunk_length / t.mean_length)))) as score
  from terms t
  join search.chunk_terms p on p.workspace_id = $1 and p.lexeme = t.lexeme
  where p.revision_id not in (select id from hidden)
    and (($6::uuid[] is null and cardinality($7::text[]) = 0) or p.revision_id in (select id from allowed))
  group by p.revision_id, p.ordinal
  order by score desc, p.revision_id, p.ordinal
  limit 100
), keyword as (
  select revision_id, ordinal, score,
    row_number() over (order by score desc, revision_id, ordinal) as rank
  from keyword_scores
), vector_scores as (
  select e.revision_id, e.ordinal, -(e.embedding <#> $3::halfvec) as score
  from search.chunk_embeddings e
  where e.workspace_id = $1
    and e.model_id = $4::integer
    and e.revision_id not in (select id from hidden)
    and (($6::uuid[] is null and cardinality($7::text[]) = 0) or e.revision_id in (select id from allowed))
  order by e.embedding <#> $3::halfvec, e.revision_id, e.ordinal
  limit 100
), vector as (
  select revision_id, ordinal, score,
    row_number() over (order by score desc, revision_id, ordinal) as rank
  from vector_scores
  where score > 0
), fused as (
  select coalesce(k.revision_id, v.revision_id) as revision_id, coalesce(k.ordinal, v.ordinal) as ordinal,
    k.rank as keyword_rank, k.score as keyword_score, v.rank as vector_rank, v.score as vector_score,
    case
      when $2::text is null then v.score
      when $4::integer is null then k.score
      else coalesce(1::double precision / (60 + k.rank), 0) + coalesce($5::double precision / (60 + v.rank), 0)
    end as score
  from keyword k
  full join vector v on v.revision_id = k.revision_id and v.ordinal = k.ordinal
), placed as (
  select f.*, row_number() over (partition by revision_id order by score desc, ordinal) as place_in_document
  from fused f
), chosen as (
  select *
  from placed
  order by place_in_document > 3, score desc, revision_id, ordinal
  limit $11
)
select r.document_id as "documentId", r.version, h.ordinal, d.title, c.heading_path as "headingPath", c.content,
  c.char_start as "charStart", c.char_end as "charEnd", h.score,
  h.keyword_rank::integer as "keywordRank", h.keyword_score as "keywordScore",
  h.vector_rank::integer as "vectorRank", h.vector_score as "vectorScore"
from chosen h
join search.revisions r on r.workspace_id = $1 and r.id = h.revision_id
join app.documents d on d.workspace_id = $1 and d.id = r.document_id
join search.chunks c on c.workspace_id = $1 and c.revision_id = h.revision_id and c.ordinal = h.ordinal
order by h.score desc, h.revision_id, h.ordinal`;
