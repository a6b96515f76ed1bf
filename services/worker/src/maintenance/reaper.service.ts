import { randomUUID } from 'node:crypto';
import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { JobName, JobPayload } from '@capstone/contracts/jobs';
import { Database } from '@capstone/platform/database';
import type { Logger } from '@capstone/platform/log';
import { JobQueues } from '@capstone/platform/queue';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { requeued } from '../metrics.js';
import {
  deleteExpiredExports,
  listAbandonedVersions,
  listUnpurgedDocuments,
  takeAbandonedVersion,
  takeUnpurgedDocument,
} from './reaper.repository.js';

const batchSize = 100;
const purgeAgainInMs = 60_000;

/**
 * Finds what a dead worker or a forgetful Redis has dropped, and queues it again. Postgres alone says what is unfinished,
 * so nothing accepted is lost. Any number of workers may run this at the same time.
 */
@Injectable()
export class ReaperService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly db: Database,
    private readonly queues: JobQueues,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap() {
    this.schedule();
  }

  async beforeApplicationShutdown() {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  async reap(): Promise<void> {
    // Under load a version may wait long for its first claim. It is only known to be lost when nothing waits any more.
    const counts = await this.queues.counts();
    const isDrained = (counts.documents?.waiting ?? 0) === 0;
    await this.requeueVersions(isDrained ? this.config.reaper.graceMs : undefined);
    await this.requeuePurges();
    await deleteExpiredExports(this.db.unscoped, batchSize);
  }

  private async requeueVersions(unclaimedAfterMs: number | undefined) {
    const { leaseMs } = this.config.ingestion;
    const abandoned = { unclaimedAfterMs, limit: batchSize };
    for (const key of await listAbandonedVersions(this.db.unscoped, abandoned)) {
      const isOurs = await this.db.transaction(key, (tx) => takeAbandonedVersion(tx, key, leaseMs));
      if (isOurs) await this.requeue('document.ingest', key);
    }
  }

  private async requeuePurges() {
    for (const key of await listUnpurgedDocuments(this.db.unscoped, batchSize)) {
      const isOurs = await this.db.transaction(key, (tx) =>
        takeUnpurgedDocument(tx, key, purgeAgainInMs),
      );
      if (isOurs) await this.requeue('document.purge', key);
    }
  }

  /** Under a new id: the queue still knows the old one, and would ignore it. */
  private async requeue<Name extends JobName>(name: Name, payload: JobPayload<Name>) {
    await this.queues.add(name, payload, { id: randomUUID() });
    requeued.inc({ name });
    this.logger.info({ job: name, payload }, 'abandoned work queued again');
  }

  private schedule() {
    if (this.stopped) return;
    // Not all workers in step.
    const delayMs = this.config.reaper.intervalMs * (0.8 + Math.random() * 0.4);
    this.timer = setTimeout(() => {
      this.running = this.reap()
        .catch((err: unknown) => this.logger.warn({ err }, 'the reaper could not look'))
        .finally(() => this.schedule());
    }, delayMs);
  }
}
