import type { DocumentMetadata } from '@capstone/contracts/documents';
import type { Transaction } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { deleteAttributes, sendAttributes } from './attributes.repository.js';
import type { Chunk } from './chunk-text.js';
import {
  chunkRows,
  deleteChangedChunks,
  deleteChunksFrom,
  insertChunks,
} from './chunks.repository.js';
import { countChunks, reuseEmbeddings } from './embeddings.repository.js';
import type { DocumentKey, VersionKey } from './index-keys.js';
import {
  deleteRevisions,
  insertRevision,
  lockRevisions,
  markPublished,
  type RemovedRows,
} from './revisions.repository.js';
import { applyStatistics, lockStatistics } from './statistics.repository.js';

export {
  listChunksToEmbed,
  registerModel,
  storeEmbeddings,
  type ChunkEmbedding,
  type ChunkToEmbed,
} from './embeddings.repository.js';
export type { DocumentKey, VersionKey } from './index-keys.js';

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
  const rows = chunkRows(batch.chunks);
  await deleteChangedChunks(tx, key.workspaceId, revisionId, rows);
  await insertChunks(tx, key.workspaceId, revisionId, rows);
  return { reused: await reuseEmbeddings(tx, key.workspaceId, revisionId, batch) };
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
  await markPublished(tx, key.workspaceId, staged.id);
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
export async function purgeDocument(
  tx: Transaction,
  key: DocumentKey,
): Promise<RemovedRows & { attributes: number }> {
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
export function replaceAttributes(
  tx: Transaction,
  key: DocumentKey,
  metadata: DocumentMetadata,
): void {
  sendAttributes(tx, key, Object.entries(metadata));
}

async function openStagedRevision(tx: Transaction, key: VersionKey): Promise<number> {
  const staged = (await lockRevisions(tx, key)).find(({ state }) => state === 'staged');
  if (staged?.version === key.version) return staged.id;
  if (staged && staged.version > key.version) {
    throw new Problem('conflict', { detail: 'A newer version is being indexed.' });
  }
  if (staged) await deleteRevisions(tx, key.workspaceId, [staged.id]);
  const added = await insertRevision(tx, key);
  if (added === undefined) {
    throw new Problem('conflict', { detail: 'The document is being indexed elsewhere.' });
  }
  return added;
}

async function requireComplete(
  tx: Transaction,
  workspaceId: string,
  revisionId: number,
  expected: { modelId: number; chunkCount: number },
): Promise<void> {
  await deleteChunksFrom(tx, workspaceId, revisionId, expected.chunkCount);
  const found = await countChunks(tx, workspaceId, revisionId, expected.modelId);
  if (found.chunks === expected.chunkCount && found.embedded === expected.chunkCount) return;
  throw new Error(
    `Of ${expected.chunkCount} chunks ${found.chunks} are staged, ${found.embedded} with a vector.`,
  );
}

// Statistics and removal run over a whole document, a million postings for 20 MB of text, and others wait for them.
async function allowLongStatements(tx: Transaction): Promise<void> {
  await tx.query(
    'search_allow_long_statements',
    `select set_config('statement_timeout', '120s', true), set_config('lock_timeout', '60s', true)`,
  );
}
