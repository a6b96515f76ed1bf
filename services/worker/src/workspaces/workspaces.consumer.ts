import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { JobConsumer, type JobHandlers } from '@capstone/platform/job-consumer';
import type { Logger } from '@capstone/platform/log';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { WorkspaceExportService } from './workspace-export.service.js';
import { WorkspacePurgeService } from './workspace-purge.service.js';

/** Runs the jobs of the queue `workspaces`, one at a time: they are rare and large, and documents come first. */
@Injectable()
export class WorkspacesConsumer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly consumer: JobConsumer<'workspaces'>;

  constructor(
    purging: WorkspacePurgeService,
    exporting: WorkspaceExportService,
    @Inject(CONFIG) config: Config,
    @Inject(LOGGER) logger: Logger,
  ) {
    const handlers = {
      'workspace.purge': (workspace, job) => purging.purge(workspace, job),
      'workspace.export': (request, job) => exporting.export(request, job),
    } satisfies JobHandlers<'workspaces'>;

    this.consumer = new JobConsumer({
      queue: 'workspaces',
      handlers,
      concurrency: 1,
      url: config.redis.queueUrl,
      caFile: config.redis.caFile,
      keyPrefix: config.redis.keyPrefix,
      name: 'worker',
      logger,
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
