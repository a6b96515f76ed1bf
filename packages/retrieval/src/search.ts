import type { SearchMode } from '@capstone/contracts/search';
import type { Queryable } from '@capstone/platform/database';
import type { Embedder } from './embedder.js';
import { queryStatistics } from './query-statistics.js';
import { vectorLiteral } from './vector-literal.js';
import { rankChunks, type RankedChunk, type RankRequest } from './rank-chunks.js';
import { contentWords, searchableText } from './searchable-text.js';
import { cutSnippet, type Snippet } from './snippet.js';

export interface SearchRequest {
  readonly workspaceId: string;
  readonly query: string;
  readonly mode: SearchMode;
  readonly limit: number;
  readonly filters?: SearchFilters | undefined;
  readonly explain?: boolean | undefined;
}

export interface SearchFilters {
  readonly documentIds?: readonly string[] | undefined;
  /** Every entry must be equal, in type and value. */
  readonly metadata?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/** Rank 1 is best. Keyword scores are BM25, vector scores are inner products. */
export interface LegScore {
  readonly rank: number;
  readonly score: number;
}

export interface SearchHit {
  readonly documentId: string;
  readonly version: number;
  /** Names the chunk of this version; a newer version has others. */
  readonly chunkId: string;
  readonly title: string;
  readonly headingPath: string[];
  /** The whole chunk: the canonical text from charStart to charEnd. */
  readonly content: string;
  readonly charStart: number;
  readonly charEnd: number;
  readonly snippet: Snippet;
  readonly score: number;
  /** Only where the request asks to explain. */
  readonly scores?: { readonly keyword?: LegScore; readonly vector?: LegScore };
}

/** no-searchable-terms: only stop words or punctuation. model-not-indexed: no vector of this model exists yet. */
export type Degradation = 'no-searchable-terms' | 'model-not-indexed';

export interface SearchAnswer {
  /** Best first. */
  readonly hits: SearchHit[];
  /** The embedding model of the vector leg; null where none took part. */
  readonly model: string | null;
  readonly degraded: Degradation[];
}

/**
 * Ranks the chunks of the published versions in one workspace, in one statement for keyword and two for the other modes.
 * Whatever the query says, the answer is a list, perhaps an empty one.
 */
export async function search(
  db: Queryable,
  embedder: Embedder,
  request: SearchRequest,
): Promise<SearchAnswer> {
  const searchable = searchableText(request.query);
  const words = [...new Set(contentWords(searchable))];
  if (words.length === 0) return { hits: [], model: null, degraded: ['no-searchable-terms'] };

  const vector =
    request.mode === 'keyword' ? null : await embedQuery(db, embedder, { ...request, words });
  const usesKeyword = request.mode !== 'vector';
  const chunks =
    usesKeyword || vector
      ? await rankChunks(db, {
          workspaceId: request.workspaceId,
          limit: request.limit,
          searchable: usesKeyword ? searchable : null,
          vector,
          documentIds: request.filters?.documentIds ?? null,
          attributes: Object.entries(request.filters?.metadata ?? {}),
        })
      : [];
  const lacksModel = request.mode !== 'keyword' && !vector;
  return {
    hits: chunks.map((chunk) => toHit(chunk, words, request.explain ?? false)),
    model: vector ? embedder.describe().name : null,
    degraded: lacksModel ? ['model-not-indexed'] : [],
  };
}

async function embedQuery(
  db: Queryable,
  embedder: Embedder,
  query: { workspaceId: string; query: string; words: string[] },
): Promise<RankRequest['vector']> {
  const model = embedder.describe();
  const { workspaceId, words } = query;
  const { fingerprint } = model;
  const { modelId, weights } = await queryStatistics(db, workspaceId, { words, fingerprint });
  if (modelId === null) return null;
  const [vector] = await embedder.embed([query.query], { kind: 'query', termWeights: weights });
  if (!vector) throw new Error(`${model.name} gave no vector for the query.`);
  return { modelId, literal: vectorLiteral(vector), weight: model.fusionWeight };
}

function toHit(chunk: RankedChunk, words: readonly string[], explain: boolean): SearchHit {
  const { documentId, version, ordinal, title, headingPath, content, charStart, charEnd, score } =
    chunk;
  return {
    documentId,
    version,
    chunkId: `${documentId}:${version}:${ordinal}`,
    title,
    headingPath,
    content,
    charStart,
    charEnd,
    snippet: cutSnippet({ content, charStart }, words),
    score,
    ...(explain ? { scores: legScores(chunk) } : {}),
  };
}

function legScores(chunk: RankedChunk): NonNullable<SearchHit['scores']> {
  return {
    ...(chunk.keywordRank !== null && chunk.keywordScore !== null
      ? { keyword: { rank: chunk.keywordRank, score: chunk.keywordScore } }
      : {}),
    ...(chunk.vectorRank !== null && chunk.vectorScore !== null
      ? { vector: { rank: chunk.vectorRank, score: chunk.vectorScore } }
      : {}),
  };
}
