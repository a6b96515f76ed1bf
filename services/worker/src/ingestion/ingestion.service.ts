import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { DocumentStatus } from '@capstone/contracts/documents';
import { jobs } from '@capstone/contracts/jobs';
import { Database, type Transaction } from '@capstone/platform/database';
import { Outbox } from '@capstone/platform/outbox';
import { Problem } from '@capstone/platform/problem';
import type { JobContext } from '@capstone/platform/job-consumer';
import { CONFIG } from '@capstone/platform/service';
import {
  discardVersion,
  listChunksToEmbed,
  publishVersion,
  stageChunks,
  storeEmbeddings,
  type VersionKey,
} from '@capstone/retrieval/index-writer';
import type { ChunkEmbedding, ChunkToEmbed } from '@capstone/retrieval/embeddings.repository';
import { UnreadableDocument } from '@capstone/retrieval/unreadable-document';
import type { Config } from '../config.js';
import { chunksEmbedded, documentsFinished } from '../metrics.js';
import {
  advance,
  claimVersion,
  deleteText,
  endAbandonedLease,
  failVersion,
  findOriginal,
  findText,
  lockLiveDocument,
  makeCurrent,
  releaseLease,
  renewLease,
  upsertText,
  type Claim,
  type Counts,
  type Progress,
  type TitledText,
} from './ingestion.repository.js';
import { EmbeddingModel } from './embedding-model.js';
import { Lease, LeaseLost } from './lease.js';
import { Parser } from './parser.js';
import { timeStage } from './time-stage.js';

const chunksPerWrite = 100;
const chunksPerEmbedding = 64;
const { attempts, backoffMs } = jobs['document.ingest'];

/**
 * Takes one version of a document from received to ready. The status in Postgres is the truth and a job is only a hint:
 * any job may come twice, late or forged. Every write proves in its own transaction that the lease still holds, so two
 * runs cannot mix, and a run that was cancelled, superseded or overtaken writes nothing more.
 */
@Injectable()
export class IngestionService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly parser: Parser,
    private readonly model: EmbeddingModel,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async ingest(key: VersionKey, job: JobContext): Promise<void> {
    const { leaseMs, maxAttempts } = this.config.ingestion;
    const claim = await this.claim(key, randomUUID());
    if (!claim) return this.clearLeftovers(key);
    if (claim.attempt > maxAttempts) return this.giveUp(claim, new Error('killed every worker'));

    const lease = new Lease({
      leaseMs,
      renew: () => this.db.transaction(key, (tx) => renewLease(tx, claim, leaseMs)),
      logger: job.logger,
    });
    try {
      await this.run(claim, AbortSignal.any([job.signal, lease.signal]));
    } catch (error) {
      await this.settle(claim, error, { job, lease });
    } finally {
      lease.end();
    }
  }

  /** The first claim of a version is the beginning of its first stage. */
  private claim(key: VersionKey, holder: string): Promise<Claim | undefined> {
    const { leaseMs } = this.config.ingestion;
    return this.db.transaction(key, async (tx) => {
      const claim = await claimVersion(tx, key, { holder, leaseMs });
      if (claim?.attempt === 1) await this.announce(tx, key, claim.status, claim.counts);
      return claim;
    });
  }

  /** Begins where the last run came to. */
  private async run(claim: Claim, signal: AbortSignal): Promise<void> {
    if (claim.status === 'embedding') {
      return timeStage('embed', () => this.embed(claim, claim.counts.embedded, signal));
    }
    const document = await (claim.status === 'extracting'
      ? timeStage('extract', () => this.extract(claim))
      : this.getText(claim));
    const reused = await timeStage('chunk', () => this.chunk(claim, document, signal));
    await timeStage('embed', () => this.embed(claim, reused, signal));
  }

  private async extract(claim: Claim): Promise<TitledText> {
    const original = await findOriginal(this.db.read(claim), claim);
    if (!original) throw new LeaseLost();
    const extracted = await this.parser.extract(original.content, claim.contentType);
    await this.db.transaction(claim, async (tx) => {
      const next = { status: 'chunking', characters: extracted.text.length } as const;
      const counts = await this.prove(tx, claim, next);
      await upsertText(tx, claim, extracted);
      await this.announce(tx, claim, next.status, counts);
    });
    return { title: original.title, text: extracted.text, blocks: extracted.blocks };
  }

  private async getText(claim: Claim): Promise<TitledText> {
    const document = await findText(this.db.read(claim), claim);
    if (!document) throw new LeaseLost();
    return document;
  }

  /**
   * Always from the first chunk: a newer release may cut otherwise, and halves of two cuts must not meet. Resolves to how
   * many chunks have a vector already.
   */
  private async chunk(claim: Claim, document: TitledText, signal: AbortSignal): Promise<number> {
    const chunks = await this.parser.chunk(document, document.title);
    if (chunks.length === 0) throw new UnreadableDocument('empty', 'There is no text in it.');

    let embedded = 0;
    for (let from = 0; from < chunks.length; from += chunksPerWrite) {
      signal.throwIfAborted();
      const batch = chunks.slice(from, from + chunksPerWrite);
      const staged = from + batch.length;
      const status = staged === chunks.length ? 'embedding' : 'chunking';
      embedded += await this.db.transaction(claim, async (tx) => {
        const counts = await this.prove(tx, claim, { status, chunks: staged, embedded });
        if (from === 0 && claim.attempt > 1) await discardVersion(tx, claim);
        const { reused } = await stageChunks(tx, claim, { modelId: this.model.id, chunks: batch });
        const now = { ...counts, embedded: embedded + reused };
        if (status === 'embedding') await this.announce(tx, claim, status, now);
        return reused;
      });
    }
    return embedded;
  }

  private async embed(claim: Claim, before: number, signal: AbortSignal): Promise<void> {
    const modelId = this.model.id;
    for (let embedded = before; ;) {
      signal.throwIfAborted();
      const limit = chunksPerEmbedding;
      const batch = await listChunksToEmbed(this.db.read(claim), claim, { modelId, limit });
      const embeddings = await this.embedBatch(batch, signal);
      embedded += batch.length;
      if (batch.length < limit) return this.publish(claim, embeddings);

      await this.db.transaction(claim, async (tx) => {
        await this.prove(tx, claim, { status: 'embedding', embedded });
        await storeEmbeddings(tx, claim, { modelId, embeddings });
      });
      // The offline model computes on this thread: timers, renewals and other documents get their turn.
      await nextTurn();
    }
  }

  private async embedBatch(batch: readonly ChunkToEmbed[], signal: AbortSignal) {
    if (batch.length === 0) return [];
    const texts = batch.map(({ text }) => text);
    const vectors = await this.model.embedDocuments(texts, signal);
    chunksEmbedded.inc(batch.length);
    return batch.map(({ ordinal }, place) => ({ ordinal, vector: vectors[place]! }));
  }

  /** The last vectors, the index, its statistics and the status change together: readers see all of it or nothing. */
  private async publish(claim: Claim, embeddings: readonly ChunkEmbedding[]) {
    const modelId = this.model.id;
    await this.db.transaction(claim, async (tx) => {
      if (!(await lockLiveDocument(tx, claim))) throw new LeaseLost();
      const counts = await this.prove(tx, claim, { status: 'ready' });
      if (embeddings.length > 0) await storeEmbeddings(tx, claim, { modelId, embeddings });
      await publishVersion(tx, claim, { modelId, chunkCount: counts.chunks });
      await makeCurrent(tx, claim);
      await this.announce(tx, claim, 'ready', counts);
    });
    documentsFinished.inc({ status: 'ready' });
  }

  /** First in every transaction that writes: shows that the lease holds, and keeps the row until the commit. */
  private async prove(tx: Transaction, claim: Claim, to: Progress): Promise<Counts> {
    const counts = await advance(tx, claim, to);
    if (!counts) throw new LeaseLost();
    return counts;
  }

  private async announce(tx: Transaction, key: VersionKey, status: DocumentStatus, counts: Counts) {
    const { workspaceId, documentId, version } = key;
    const data = { documentId, version, status, counts };
    this.outbox.event(tx, workspaceId, 'document.status', data);
  }

  private async settle(
    claim: Claim,
    error: unknown,
    { job, lease }: { job: JobContext; lease: Lease },
  ): Promise<void> {
    if (error instanceof UnreadableDocument) {
      return this.fail(claim, { code: error.code, detail: error.message });
    }
    if (error instanceof LeaseLost || lease.signal.aborted) {
      return this.clearLeftovers(claim, claim.holder);
    }
    const isLast = job.attempt >= attempts || claim.attempt >= this.config.ingestion.maxAttempts;
    if (isLast && !job.signal.aborted) return this.giveUp(claim, error);
    await this.release(claim, job);
    throw error;
  }

  /** The version ends as failed, and the job where a person finds it. */
  private async giveUp(claim: Claim, cause: unknown): Promise<never> {
    const detail = `It could not be processed in ${claim.attempt} attempts. Try again later.`;
    await this.fail(claim, { code: 'internal', detail });
    throw new Problem('internal', { cause });
  }

  private async fail(claim: Claim, error: { code: string; detail: string }): Promise<void> {
    await this.db.transaction(claim, async (tx) => {
      const counts = await failVersion(tx, claim, error);
      if (!counts) return;
      await this.discard(tx, claim);
      await this.announce(tx, claim, 'failed', counts);
      documentsFinished.inc({ status: 'failed' });
    });
  }

  /** For the next attempt. The reaper looks after it once more when that should have begun, in case Redis forgot it. */
  private async release(claim: Claim, job: JobContext): Promise<void> {
    const retryInMs = job.signal.aborted ? 0 : backoffMs * 2 ** (job.attempt - 1);
    const againInMs = retryInMs + this.config.ingestion.leaseMs;
    try {
      await this.db.transaction(claim, (tx) => releaseLease(tx, claim, againInMs));
    } catch (err) {
      job.logger.warn({ err }, 'the lease was not released and has to run out');
    }
  }

  /** What a cancelled or superseded version has left in the index. Nothing to do for any other. */
  private async clearLeftovers(key: VersionKey, holder?: string): Promise<void> {
    await this.db.transaction(key, async (tx) => {
      if (await endAbandonedLease(tx, key, holder)) await this.discard(tx, key);
    });
  }

  private async discard(tx: Transaction, key: VersionKey): Promise<void> {
    await discardVersion(tx, key);
    await deleteText(tx, key);
  }
}
