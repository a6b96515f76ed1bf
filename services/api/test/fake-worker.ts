import type { DocumentStatus, TextContentType } from '@capstone/contracts/documents';
import { Database } from '@capstone/platform/database';
import { createLogger } from '@capstone/platform/log';
import { chunkText } from '@capstone/retrieval/chunk-text';
import { extractText } from '@capstone/retrieval/extract';
import {
  publishVersion,
  registerModel,
  stageChunks,
  storeEmbeddings,
} from '@capstone/retrieval/index-writer';
import { createLexicalEmbedder } from '@capstone/retrieval/lexical-embedder';
import type { TestDatabase } from '@capstone/testing/database';

interface Version {
  readonly workspaceId: string;
  readonly documentId: string;
  readonly version: number;
}

/** Does to the database what the worker does, with its rights, at once and only when told. */
export class FakeWorker {
  private readonly db: Database;
  private readonly embedder = createLexicalEmbedder();

  constructor(database: TestDatabase) {
    this.db = new Database({
      url: database.urlFor('worker'),
      caFile: database.caFile,
      poolSize: 2,
      pipelines: 1,
      statementTimeoutMs: 10_000,
      applicationName: 'test-worker',
      logger: createLogger({ service: 'test', level: 'fatal' }),
    });
  }

  close() {
    return this.db.close();
  }

  /** Indexes and publishes the version, as the worker does after its stages. */
  async finish(key: Version): Promise<void> {
    const { title, content, contentType } = await this.find(key);
    const extracted = extractText(content, contentType);
    const chunks = chunkText(extracted, title);
    const modelId = await registerModel(this.db.unscoped, this.embedder.describe());
    const texts = chunks.map((chunk) => `${chunk.context}\n${chunk.content}`);
    const vectors = await this.embedder.embed(texts, { kind: 'document' });
    await this.db.transaction(key, async (tx) => {
      await stageChunks(tx, key, { modelId, chunks });
      const embeddings = vectors.map((vector, at) => ({ ordinal: chunks[at]!.ordinal, vector }));
      await storeEmbeddings(tx, key, { modelId, embeddings });
      await publishVersion(tx, key, { modelId, chunkCount: chunks.length });
      await tx.query(
        'fake.insert_text',
        `insert into app.document_texts (workspace_id, document_id, version, content)
         values ($1, $2, $3, $4)`,
        [key.workspaceId, key.documentId, key.version, extracted.text],
      );
      await tx.query(
        'fake.make_current',
        `update app.documents set current_version = $3 where workspace_id = $1 and id = $2`,
        [key.workspaceId, key.documentId, key.version],
      );
    });
    const { length } = extracted.text;
    await this.enter(key, 'ready', { characters: length, chunks: chunks.length });
  }

  /** Sets a status as the worker does, claim included. */
  async enter(
    key: Version,
    status: DocumentStatus,
    { characters = 0, chunks = 0 }: { characters?: number; chunks?: number } = {},
  ): Promise<void> {
    await this.db.transaction(key, (tx) =>
      tx.query(
        'fake.enter',
        `update app.document_versions
         set status = $4, characters = $5, chunks = $6, embedded = $6, attempt = 1,
           progress = progress + 1,
           lease_holder = case when $7 then null else gen_random_uuid() end,
           lease_until = case when $7 then null else now() + interval '1 minute' end,
           finished_at = case when $7 then now() end,
           error_code = case when $4 = 'failed' then 'corrupt' end,
           error_detail = case when $4 = 'failed' then 'It is broken.' end
         where workspace_id = $1 and document_id = $2 and version = $3`,
        [
          key.workspaceId,
          key.documentId,
          key.version,
          status,
          characters,
          chunks,
          ['ready', 'failed', 'cancelled'].includes(status),
        ],
      ),
    );
  }

  private async find(key: Version) {
    const [row] = await this.db
      .read(key)
      .query<{ title: string; content: Buffer; contentType: TextContentType }>(
        'fake.find',
        `select d.title, o.content, v.content_type as "contentType"
         from app.documents d
         join app.document_versions v
           on v.workspace_id = d.workspace_id and v.document_id = d.id and v.version = $3
         join app.document_originals o
           on o.workspace_id = d.workspace_id and o.document_id = d.id and o.version = $3
         where d.workspace_id = $1 and d.id = $2`,
        [key.workspaceId, key.documentId, key.version],
      );
    return row!;
  }
}
