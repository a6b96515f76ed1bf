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
import { UnreadableDocument } from '@capstone/retrieval/unreadable-document';
import type { Config } from '../config.js';
import {
  advance,
  claimVersion,
  deleteText,
  endAbandonedLease,
  failVersion,
  findOriginal,
  findText,
  forgetBlocks,
  lockLiveDocument,
  makeCurrent,
  releaseLease,
  renewLease,
  upsertText,
  type Claim,
  type Counts,
  type Progress,
  type UnfinishedStatus,
} from './ingestion.repository.js';
import { EmbeddingModel } from './embedding-model.js';
import { Lease, LeaseLost } from './lease.js';
import { Parser } from './parser.js';

const chunksPerWrite = 100;
const chunksPerEmbedding = 64;
const { attempts, backoffMs } = jobs['document.ingest'];

const unfinished: ReadonlySet<DocumentStatus> = new Set([
  'received',
  'extracting',
  'chunking',
  'embedding',
]);

type Stage = (claim: Claim, signal: AbortSignal) => Promise<DocumentStatus>;

/**
 * Takes one version of a document from received to ready. The status in Postgres is the truth and a job is only a hint:
 * any job may come twice, late or forged. Every write proves in its own transaction that the lease still holds, so two
 * runs cannot mix, and a run that was cancelled, superseded or overtaken writes nothing more.
 */
@Injectable()
export class IngestionService {
  private readonly stages = {
    received: (claim) => this.begin(claim),
    extracting: (claim) => this.extract(claim),
    chunking: (claim, signal) => this.chunk(claim, signal),
    embedding: (claim, signal) => this.embed(claim, signal),
  } satisfies Record<UnfinishedStatus, Stage>;

  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly parser: Parser,
    private readonly model: EmbeddingModel,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async ingest(key: VersionKey, job: JobContext): Promise<void> {
    const { leaseMs, maxAttempts } = this.config.ingestion;
    const holder = randomUUID();
    const claim = await this.db.transaction(key, (tx) =>
      claimVersion(tx, key, { holder, leaseMs }),
    );
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

  private async run(claim: Claim, signal: AbortSignal): Promise<void> {
    let status: DocumentStatus = claim.status;
    while (isUnfinished(status)) {
      signal.throwIfAborted();
      status = await this.stages[status](claim, signal);
    }
  }

  private begin(claim: Claim): Promise<DocumentStatus> {
    return this.enter(claim, { status: 'extracting' });
  }

  private async extract(claim: Claim): Promise<DocumentStatus> {
    const original = await findOriginal(this.db.read(claim), claim);
    if (!original) throw new LeaseLost();
    const extracted = await this.parser.extract(original, claim.contentType);
    const next = { status: 'chunking', characters: extracted.text.length } as const;
    return this.enter(claim, next, (tx) => upsertText(tx, claim, extracted));
  }

  /** Always from the first chunk: a newer release may cut otherwise, and halves of two cuts must not meet. */
  private async chunk(claim: Claim, signal: AbortSignal): Promise<DocumentStatus> {
    const document = await findText(this.db.read(claim), claim);
    if (!document) throw new LeaseLost();
    const chunks = await this.parser.chunk(document, document.title);
    if (chunks.length === 0) throw new UnreadableDocument('empty', 'There is no text in it.');

    let embedded = 0;
    for (let from = 0; from < chunks.length; from += chunksPerWrite) {
      signal.throwIfAborted();
      const batch = chunks.slice(from, from + chunksPerWrite);
      const counts = { chunks: from + batch.length, embedded };
      await this.write(claim, { status: 'chunking', ...counts }, async (tx) => {
        if (from === 0 && claim.attempt > 1) await discardVersion(tx, claim);
        const { reused } = await stageChunks(tx, claim, { modelId: this.model.id, chunks: batch });
        embedded += reused;
      });
    }
    const next = { status: 'embedding', chunks: chunks.length, embedded } as const;
    return this.enter(claim, next, (tx) => forgetBlocks(tx, claim));
  }

  private async embed(claim: Claim, signal: AbortSignal): Promise<DocumentStatus> {
    for (;;) {
      signal.throwIfAborted();
      const batch = await listChunksToEmbed(this.db.read(claim), claim, {
        modelId: this.model.id,
        limit: chunksPerEmbedding,
      });
      if (batch.length === 0) return this.publish(claim);

      const vectors = await this.model.embedDocuments(
        batch.map(({ text }) => text),
        signal,
      );
      const embeddings = batch.map(({ ordinal }, place) => ({ ordinal, vector: vectors[place]! }));
      await this.write(claim, { status: 'embedding', moreEmbedded: batch.length }, (tx) =>
        storeEmbeddings(tx, claim, { modelId: this.model.id, embeddings }),
      );
      // The offline model computes on this thread: timers, renewals and other documents get their turn.
      await nextTurn();
    }
  }

  private publish(claim: Claim): Promise<DocumentStatus> {
    return this.db.transaction(claim, async (tx) => {
      if (!(await lockLiveDocument(tx, claim))) throw new LeaseLost();
      const counts = await this.prove(tx, claim, { status: 'ready' });
      await publishVersion(tx, claim, { modelId: this.model.id, chunkCount: counts.chunks });
      await makeCurrent(tx, claim);
      await this.announce(tx, claim, 'ready', counts);
      return 'ready' as const;
    });
  }

  private enter(
    claim: Claim,
    to: Progress,
    work?: (tx: Transaction) => Promise<void>,
  ): Promise<DocumentStatus> {
    return this.db.transaction(claim, async (tx) => {
      const counts = await this.prove(tx, claim, to);
      await work?.(tx);
      await this.announce(tx, claim, to.status, counts);
      return to.status;
    });
  }

  private async write(claim: Claim, to: Progress, work: (tx: Transaction) => Promise<void>) {
    await this.db.transaction(claim, async (tx) => {
      await this.prove(tx, claim, to);
      await work(tx);
    });
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
    await this.outbox.event(tx, workspaceId, 'document.status', data);
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

function isUnfinished(status: DocumentStatus): status is UnfinishedStatus {
  return unfinished.has(status);
}
