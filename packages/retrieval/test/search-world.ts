import { randomUUID } from 'node:crypto';
import { Database } from '@capstone/platform/database';
import { createLogger } from '@capstone/platform/log';
import { createTestDatabase } from '@capstone/testing/database';
import type { DocumentMetadata } from '@capstone/contracts/documents';
import type { SearchMode } from '@capstone/contracts/search';
import { chunkText, type Chunk, type ChunkSize } from '../src/chunk-text.js';
import { extractText } from '../src/extract.js';
import {
  listChunksToEmbed,
  publishVersion,
  purgeDocument,
  registerModel,
  replaceAttributes,
  stageChunks,
  storeEmbeddings,
  type VersionKey,
} from '../src/index-writer.js';
import { createLexicalEmbedder } from '../src/lexical-embedder.js';
import { search, type SearchFilters } from '../src/search.js';

const smallChunks: ChunkSize = { target: 40, overlap: 6, minimum: 10 };

/** A database with the roles of both services, and what they do with it, in as few words as tests like. */
export type SearchWorld = Awaited<ReturnType<typeof openSearchWorld>>;

export async function openSearchWorld() {
  const server = await createTestDatabase('app');
  const open = (role: 'api' | 'worker') =>
    new Database({
      url: server.urlFor(role),
      caFile: server.caFile,
      poolSize: 8,
      pipelines: 2,
      statementTimeoutMs: 10_000,
      applicationName: `retrieval-test-${role}`,
      logger: createLogger({ service: 'test', level: 'silent' }),
    });
  const [api, worker] = [open('api'), open('worker')];
  const embedder = createLexicalEmbedder();
  const modelId = await registerModel(worker.unscoped, embedder.describe());

  async function stage(key: VersionKey, chunks: readonly Chunk[]) {
    return worker.transaction(key, (tx) => stageChunks(tx, key, { modelId, chunks }));
  }

  /** Gives every staged chunk its vector and returns how many it had to make. */
  async function embed(key: VersionKey) {
    const chunks = await listChunksToEmbed(worker.read(key), key, { modelId, limit: 10_000 });
    const vectors = await embedder.embed(
      chunks.map(({ text }) => text),
      { kind: 'document' },
    );
    const embeddings = chunks.map(({ ordinal }, index) => ({ ordinal, vector: vectors[index]! }));
    await worker.transaction(key, (tx) => storeEmbeddings(tx, key, { modelId, embeddings }));
    return chunks.length;
  }

  async function publish(key: VersionKey, chunkCount: number) {
    await worker.transaction(key, (tx) => publishVersion(tx, key, { modelId, chunkCount }));
  }

  return {
    server,
    api,
    worker,
    embedder,
    modelId,
    stage,
    embed,
    publish,

    async addDocument(workspaceId: string, title: string, metadata: DocumentMetadata = {}) {
      const documentId = randomUUID();
      await api.transaction({ workspaceId }, async (tx) => {
        await tx.query(
          'test_insert_document',
          `insert into app.documents (workspace_id, id, title, metadata, created_by) values ($1, $2, $3, $4, $1)`,
          [workspaceId, documentId, title, JSON.stringify(metadata)],
        );
        replaceAttributes(tx, { workspaceId, documentId }, metadata);
      });
      return documentId;
    },

    /** What the worker does with one version, from text to searchable. */
    async index(key: VersionKey, text: string, title = '') {
      const chunks = cut(text, title);
      const { reused } = await stage(key, chunks);
      const embedded = await embed(key);
      await publish(key, chunks.length);
      return { chunks: chunks.length, reused, embedded };
    },

    /** As the api does it: the row stays, marked. */
    async markDeleted({ workspaceId, documentId }: { workspaceId: string; documentId: string }) {
      await api.transaction({ workspaceId }, (tx) =>
        tx.query(
          'test_mark_deleted',
          `update app.documents set deleted_at = now(), purge_due_at = now() where workspace_id = $1 and id = $2`,
          [workspaceId, documentId],
        ),
      );
    },

    purge: (key: { workspaceId: string; documentId: string }) =>
      worker.transaction(key, (tx) => purgeDocument(tx, key)),

    find: (
      workspaceId: string,
      query: string,
      options: {
        mode?: SearchMode;
        limit?: number;
        filters?: SearchFilters;
        explain?: boolean;
      } = {},
    ) =>
      search(api.read({ workspaceId }), embedder, {
        workspaceId,
        query,
        mode: 'keyword',
        limit: 10,
        ...options,
      }),

    async close() {
      await Promise.all([api.close(), worker.close()]);
      await server.drop();
    },
  };
}

/** Chunks small enough that a test's text makes several. */
export function cut(text: string, title = ''): Chunk[] {
  return chunkText(extractText(Buffer.from(text), 'text/plain'), title, smallChunks);
}
