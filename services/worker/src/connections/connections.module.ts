import {
  Global,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { Redis } from 'ioredis';
import { Database } from '@capstone/platform/database';
import { Health } from '@capstone/platform/health';
import type { Logger } from '@capstone/platform/log';
import { Outbox } from '@capstone/platform/outbox';
import { JobQueues } from '@capstone/platform/queue';
import { connectRedis, disconnectRedis } from '@capstone/platform/redis';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { AuthClient } from './auth-client.js';

const PROBE_REDIS = Symbol('PROBE_REDIS');

/** Everything outside this process that more than one feature talks to. Closed last, after the features. */
@Global()
@Module({
  providers: [
    {
      provide: Database,
      inject: [CONFIG, LOGGER],
      useFactory: ({ database }: Config, logger: Logger) =>
        new Database({
          ...database,
          applicationName: 'capstone-worker',
          logger,
        }),
    },
    {
      provide: JobQueues,
      inject: [CONFIG, LOGGER],
      useFactory: ({ redis }: Config, logger: Logger) =>
        new JobQueues({
          url: redis.queueUrl,
          caFile: redis.caFile,
          keyPrefix: redis.keyPrefix,
          name: 'worker',
          logger,
        }),
    },
    {
      provide: PROBE_REDIS,
      inject: [CONFIG, LOGGER],
      useFactory: ({ redis }: Config, logger: Logger) =>
        connectRedis({ url: redis.queueUrl, caFile: redis.caFile, name: 'worker-probe', logger }),
    },
    {
      provide: AuthClient,
      inject: [CONFIG, LOGGER],
      useFactory: ({ auth, tls }: Config, logger: Logger) =>
        AuthClient.open(auth.target, tls, logger),
    },
    { provide: Outbox, useFactory: () => new Outbox('app') },
  ],
  exports: [AuthClient, Database, JobQueues, Outbox],
})
export class ConnectionsModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly db: Database,
    private readonly queues: JobQueues,
    private readonly health: Health,
    private readonly auth: AuthClient,
    @Inject(PROBE_REDIS) private readonly probe: Redis,
  ) {}

  onModuleInit() {
    this.health.register('certificate', this.auth.checkCertificate);
    this.health.register('database', () => this.db.ping());
    this.health.register('queue', async () => void (await this.probe.ping()));
  }

  async onApplicationShutdown() {
    await this.queues.close();
    await Promise.all([this.db.close(), disconnectRedis(this.probe)]);
  }
}
