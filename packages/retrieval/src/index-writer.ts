import type { DocumentMetadata } from '@capstone/contracts/documents';
import type { Queryable, Transaction } from '@capstone/platform/database';
import type { Chunk } from './chunk-text.js';
import type { EmbedderDescription } from './embedder.js';

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

export interface PurgedRows {
  readonly revisions: number;
  readonly chunks: number;
  readonly terms: number;
  readonly embeddings: number;
  readonly attributes: number;
}

/** Finds or adds the model by its fingerprint. Call once at start with `database.unscoped`. */
export async function registerModel(_db: Queryable, _model: EmbedderDescription): Promise<number> {
  throw new Error('not written yet');
}

/**
 * Writes chunks and their postings beside what is searchable now. Call it in batches of about 100, each in its own
 * transaction that has checked the caller's claim. Repeating a batch changes nothing. Vectors that the workspace already
 * has for the same text are taken over. Staging a newer version drops an older staged one; the reverse is `conflict`.
 */
export async function stageChunks(
  _tx: Transaction,
  _version: VersionKey,
  _batch: { modelId: number; chunks: readonly Chunk[] },
): Promise<{ reused: number }> {
  throw new Error('not written yet');
}

/** The staged chunks that have no vector yet, in order. Empty means the version can be published. */
export async function listChunksToEmbed(
  _db: Queryable,
  _version: VersionKey,
  _options: { modelId: number; limit: number },
): Promise<ChunkToEmbed[]> {
  throw new Error('not written yet');
}

/** Adds vectors to staged chunks; those that have one, or are gone, are left alone. */
export async function storeEmbeddings(
  _tx: Transaction,
  _version: VersionKey,
  _batch: { modelId: number; embeddings: readonly ChunkEmbedding[] },
): Promise<void> {
  throw new Error('not written yet');
}

/**
 * Makes the staged version the searchable one and removes the one before, with their statistics, all at commit. The
 * caller's transaction must hold the row lock on the document by which a delete is refused or seen. Repeating is harmless.
 */
export async function publishVersion(
  _tx: Transaction,
  _version: VersionKey,
  _expected: { modelId: number; chunkCount: number },
): Promise<void> {
  throw new Error('not written yet');
}

/** Takes the document out of every search at commit. The rows stay until purgeDocument. Both service roles may. */
export async function unpublishDocument(_tx: Transaction, _document: DocumentKey): Promise<void> {
  throw new Error('not written yet');
}

/** Removes every row of the document, staged or published, and corrects the statistics. */
export async function purgeDocument(_tx: Transaction, _document: DocumentKey): Promise<PurgedRows> {
  throw new Error('not written yet');
}

/** Sets what `filters.metadata` compares with, from that commit on, for all versions. Both service roles may. */
export async function replaceAttributes(
  _tx: Transaction,
  _document: DocumentKey,
  _metadata: DocumentMetadata,
): Promise<void> {
  throw new Error('not written yet');
}
