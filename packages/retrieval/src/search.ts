import type { SearchMode } from '@capstone/contracts/search';
import type { Queryable } from '@capstone/platform/database';
import type { Embedder } from './embedder.js';

export interface SearchRequest {
  readonly workspaceId: string;
  readonly query: string;
  readonly mode: SearchMode;
  readonly limit: number;
  readonly filters?: {
    readonly documentIds?: readonly string[];
    readonly metadata?: Readonly<Record<string, string | number | boolean>>;
  };
  readonly explain?: boolean;
}

/** Rank 1 is best. Keyword scores are BM25, vector scores are cosines. */
export interface LegScore {
  readonly rank: number;
  readonly score: number;
}

/** `text` is the canonical text between the offsets, unchanged. */
export interface Snippet {
  readonly text: string;
  readonly charStart: number;
  readonly charEnd: number;
}

export interface SearchHit {
  readonly documentId: string;
  readonly version: number;
  readonly chunkId: string;
  readonly headingPath: string[];
  /** The whole chunk. */
  readonly content: string;
  readonly charStart: number;
  readonly charEnd: number;
  readonly snippet: Snippet;
  readonly score: number;
  /** Only where the request asks to explain. */
  readonly scores?: { readonly keyword?: LegScore; readonly vector?: LegScore };
}

export interface SearchAnswer {
  readonly hits: SearchHit[];
  /** The embedding model of the vector leg; null where none took part. */
  readonly model: string | null;
  readonly degraded: string[];
}

/** Ranks the chunks of the published versions in one workspace; never fails for what the query says. */
export async function search(
  _db: Queryable,
  _embedder: Embedder,
  _request: SearchRequest,
): Promise<SearchAnswer> {
  throw new Error('not written yet');
}
