import { createHash, randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { DocumentStatus, TextContentType } from '@capstone/contracts/documents';
import type { SearchMode } from '@capstone/contracts/search';
import type { Database } from '@capstone/platform/database';
import type { JobQueues } from '@capstone/platform/queue';
import { createLexicalEmbedder } from '@capstone/retrieval/lexical-embedder';
import { search } from '@capstone/retrieval/search';
import { waitFor } from '@capstone/testing/wait-for';

export interface VersionRow {
  status: DocumentStatus | 'superseded';
  characters: number;
  chunks: number;
  embedded: number;
  errorCode: string | null;
  errorDetail: string | null;
  attempt: number;
  leaseHolder: string | null;
  leaseUntil: string | null;
  extractingAt: string | null;
  chunkingAt: string | null;
  embeddingAt: string | null;
  finishedAt: string | null;
}

export interface Submission {
  content?: string | Buffer;
  contentType?: TextContentType;
  title?: string;
}

const embedder = createLexicalEmbedder();

/** What the api does to documents, in one workspace and with the api's rights, without the api. */
export class TestWorkspace {
  readonly workspaceId = uuidv7();

  constructor(
    private readonly db: Database,
    private readonly queues: JobQueues,
  ) {}

  /** Stores version 1 of a new document; `enqueue` brings it to the worker. */
  async store({
    content = 'A short text about foxes.',
    contentType = 'text/plain',
    title = 'A document',
  }: Submission = {}): Promise<string> {
    const id = uuidv7();
    await this.db.transaction(this, async (tx) => {
      await tx.query(
        'test.insert_document',
        `insert into app.documents (workspace_id, id, title, created_by) values ($1, $2, $3, $4)`,
        [this.workspaceId, id, title, randomUUID()],
      );
      await this.insertVersion(tx, id, 1, { content, contentType });
    });
    return id;
  }

  async submit(submission: Submission = {}): Promise<string> {
    const id = await this.store(submission);
    await this.enqueue(id);
    return id;
  }

  /** Ends what is unfinished and stores the next version, as PUT does. */
  async replace(id: string, { content = 'Other text.', contentType = 'text/plain' }: Submission) {
    const version = await this.db.transaction(this, async (tx) => {
      await tx.query('test.lock_document', lockDocument, [this.workspaceId, id]);
      await tx.query('test.end_unfinished', endUnfinished, [this.workspaceId, id, 'superseded']);
      const [row] = await tx.query<{ version: number }>(
        'test.next_version',
        `update app.documents set newest_version = newest_version + 1
         where workspace_id = $1 and id = $2
         returning newest_version as version`,
        [this.workspaceId, id],
      );
      await this.insertVersion(tx, id, row!.version, { content, contentType });
      return row!.version;
    });
    await this.enqueue(id, version);
    return version;
  }

  async cancel(id: string) {
    await this.db.transaction(this, async (tx) => {
      await tx.query('test.lock_document', lockDocument, [this.workspaceId, id]);
      await tx.query('test.end_unfinished', endUnfinished, [this.workspaceId, id, 'cancelled']);
    });
  }

  /** As DELETE does; `enqueuePurge` brings the purge to the worker. */
  async markDeleted(id: string, { purgeDueInMs = 60_000 }: { purgeDueInMs?: number } = {}) {
    await this.db.transaction(this, async (tx) => {
      await tx.query('test.lock_document', lockDocument, [this.workspaceId, id]);
      await tx.query('test.end_unfinished', endUnfinished, [this.workspaceId, id, 'cancelled']);
      await tx.query(
        'test.mark_deleted',
        `update app.documents
         set deleted_at = now(), purge_due_at = now() + $3 * interval '1 millisecond'
         where workspace_id = $1 and id = $2`,
        [this.workspaceId, id, purgeDueInMs],
      );
    });
  }

  /** An answer that drew on these documents, as the api stores it. */
  async answer(documentIds: readonly string[]): Promise<string> {
    const id = uuidv7();
    await this.db.transaction(this, async (tx) => {
      await tx.query(
        'test.insert_run',
        `insert into app.ask_runs (
           workspace_id, id, user_id, question, fingerprint, corpus_version, provider, model, status, answer, grounded,
           finished_at)
         values ($1, $2, $2, 'Why?', sha256('x'), 1, 'extractive', 'extractive', 'answered', 'Foxes.', true, now())`,
        [this.workspaceId, id],
      );
      await tx.query(
        'test.insert_sources',
        `insert into app.ask_sources (workspace_id, run_id, document_id)
         select $1, $2, unnest($3::uuid[])`,
        [this.workspaceId, id, documentIds],
      );
      await tx.query(
        'test.insert_citation',
        `insert into app.ask_citations (
           workspace_id, run_id, place, document_id, chunk_id, char_start, char_end, quote, answer_start, answer_end)
         values ($1, $2, 1, $3, 'x', 0, 6, 'Foxes.', 0, 6)`,
        [this.workspaceId, id, documentIds[0]],
      );
    });
    return id;
  }

  /** How many answers the workspace keeps, with their citations. */
  async answers() {
    const [row] = await this.db.read(this).query<{ runs: number; citations: number }>(
      'test.count_answers',
      `select
         (select count(*) from app.ask_runs where workspace_id = $1)::integer as "runs",
         (select count(*) from app.ask_citations where workspace_id = $1)::integer as "citations"`,
      [this.workspaceId],
    );
    return row;
  }

  async enqueue(documentId: string, version = 1, workspaceId = this.workspaceId): Promise<string> {
    const id = randomUUID();
    await this.queues.add('document.ingest', { workspaceId, documentId, version }, { id });
    return id;
  }

  async enqueuePurge(documentId: string, workspaceId = this.workspaceId): Promise<string> {
    const id = randomUUID();
    await this.queues.add('document.purge', { workspaceId, documentId }, { id });
    return id;
  }

  async version(documentId: string, version = 1): Promise<VersionRow | undefined> {
    const [row] = await this.db.read(this).query<VersionRow>(
      'test.find_version',
      `select status, characters, chunks, embedded, error_code as "errorCode",
         error_detail as "errorDetail", attempt, lease_holder as "leaseHolder",
         lease_until as "leaseUntil", extracting_at as "extractingAt", chunking_at as "chunkingAt",
         embedding_at as "embeddingAt", finished_at as "finishedAt"
       from app.document_versions
       where workspace_id = $1 and document_id = $2 and version = $3`,
      [this.workspaceId, documentId, version],
    );
    return row;
  }

  async currentVersion(id: string): Promise<number | null | undefined> {
    const [row] = await this.db
      .read(this)
      .query<{ version: number | null }>(
        'test.current_version',
        `select current_version as version from app.documents where workspace_id = $1 and id = $2`,
        [this.workspaceId, id],
      );
    return row?.version;
  }

  async text(documentId: string, version = 1): Promise<string | undefined> {
    const [row] = await this.db.read(this).query<{ content: string }>(
      'test.find_text',
      `select content from app.document_texts
         where workspace_id = $1 and document_id = $2 and version = $3`,
      [this.workspaceId, documentId, version],
    );
    return row?.content;
  }

  async search(query: string, mode: SearchMode = 'keyword') {
    const { workspaceId } = this;
    const answer = await search(this.db.read(this), embedder, {
      workspaceId,
      query,
      mode,
      limit: 20,
    });
    return answer.hits;
  }

  /** Waits until the version has ended, and gives it back. */
  becomes(
    status: VersionRow['status'],
    documentId: string,
    { version = 1, timeoutMs = 20_000 }: { version?: number; timeoutMs?: number } = {},
  ): Promise<VersionRow> {
    return waitFor(
      async () => {
        const row = await this.version(documentId, version);
        if (row && row.status !== status && row.finishedAt) {
          throw new Error(`It became ${row.status}: ${row.errorDetail}`);
        }
        return row?.status === status ? row : undefined;
      },
      { timeoutMs, what: `version ${version} to become ${status}` },
    ) as Promise<VersionRow>;
  }

  private async insertVersion(
    tx: Parameters<Parameters<Database['transaction']>[1]>[0],
    id: string,
    version: number,
    { content, contentType }: Required<Pick<Submission, 'content' | 'contentType'>>,
  ) {
    const bytes = Buffer.from(content);
    const sha256 = createHash('sha256').update(bytes).digest();
    await tx.query(
      'test.insert_version',
      `insert into app.document_versions
         (workspace_id, document_id, version, sha256, content_type, bytes)
       values ($1, $2, $3, $4, $5, $6)`,
      [this.workspaceId, id, version, sha256, contentType, bytes.length],
    );
    await tx.query(
      'test.insert_original',
      `insert into app.document_originals (workspace_id, document_id, version, content)
       values ($1, $2, $3, $4)`,
      [this.workspaceId, id, version, bytes],
    );
  }
}

const lockDocument = `
  select id from app.documents where workspace_id = $1 and id = $2 for no key update`;
const endUnfinished = `
  update app.document_versions
  set status = $3, finished_at = now(), progress = progress + 1
  where workspace_id = $1 and document_id = $2 and finished_at is null`;

const words =
  `alpha bravo carbon delta ember falcon granite harbor island jungle kernel lantern marble
  nectar orbit prism quartz river signal timber umber velvet willow yonder zephyr`.split(/\s+/);

/** Text of so many paragraphs that differ, about one chunk for every four. */
export function longText(paragraphs: number): string {
  return Array.from({ length: paragraphs }, (_, number) => {
    const sentence = Array.from({ length: 75 }, (_unused, place) => {
      return words[(number * 7 + place * (1 + (number % 5))) % words.length];
    });
    return `Paragraph ${number}. ${sentence.join(' ')}.`;
  }).join('\n\n');
}
