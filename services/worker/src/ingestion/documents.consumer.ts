import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { Logger } from '@capstone/platform/log';
import { JobConsumer, type JobHandlers } from '@capstone/platform/job-consumer';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { IngestionService } from './ingestion.service.js';
import { PurgeService } from './purge.service.js';

/** Runs the jobs of the queue `documents` from the start of the process until it drains. */
@Injectable()
export class DocumentsConsumer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly consumer: JobConsumer<'documents'>;

  constructor(
    ingestion: IngestionService,
    purging: PurgeService,
    @Inject(CONFIG) config: Config,
    @Inject(LOGGER) logger: Logger,
  ) {
    const handlers = {
      'document.ingest': (version, job) => ingestion.ingest(version, job),
      'document.purge': (document, job) => purging.purge(document, job),
    } satisfies JobHandlers<'documents'>;

    this.consumer = new JobConsumer({
      queue: 'documents',
      handlers,
      concurrency: config.ingestion.concurrency,
      url: config.redis.queueUrl,
      caFile: config.redis.caFile,
      keyPrefix: config.redis.keyPrefix,
      name: 'worker',
      logger,
      // Running jobs stop at their next batch after half of the time there is, so that their leases can be released.
      drainTimeoutMs: config.shutdownTimeoutMs / 2,
    });
  }

  onApplicationBootstrap() {
    this.consumer.start();
  }

  async beforeApplicationShutdown() {
    await this.consumer.drain();
  }
}
