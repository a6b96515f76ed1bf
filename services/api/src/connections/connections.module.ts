import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Database } from '@capstone/platform/database';
import type { Logger } from '@capstone/platform/log';
import { dbDuration } from '@capstone/platform/metrics';
import { Outbox } from '@capstone/platform/outbox';
import { JobQueues } from '@capstone/platform/queue';
import { connectRedis, disconnectRedis } from '@capstone/platform/redis';
import { CONFIG, type Config } from '../config.js';
import { Idempotency } from '../http/idempotency.js';
import { CACHE_REDIS, LOGGER, QUEUE_REDIS } from './tokens.js';

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
          applicationName: 'capstone-api',
          logger,
          onQuery: (statement, seconds) => dbDuration.observe({ statement }, seconds),
        }),
    },
    {
      provide: CACHE_REDIS,
      inject: [CONFIG, LOGGER],
      useFactory: ({ redis }: Config, logger: Logger) =>
        connectRedis({ url: redis.cacheUrl, caFile: redis.caFile, name: 'api-cache', logger }),
    },
    {
      provide: QUEUE_REDIS,
      inject: [CONFIG, LOGGER],
      useFactory: ({ redis }: Config, logger: Logger) =>
        connectRedis({ url: redis.queueUrl, caFile: redis.caFile, name: 'api-queue', logger }),
    },
    {
      provide: JobQueues,
      inject: [CONFIG, LOGGER],
      useFactory: ({ redis }: Config, logger: Logger) =>
        new JobQueues({ url: redis.queueUrl, caFile: redis.caFile, logger }, redis.keyPrefix),
    },
    { provide: Outbox, useFactory: () => new Outbox('app') },
    Idempotency,
  ],
  exports: [Database, CACHE_REDIS, QUEUE_REDIS, JobQueues, Outbox, Idempotency],
})
export class ConnectionsModule implements OnApplicationShutdown {
  constructor(
    private readonly db: Database,
    private readonly queues: JobQueues,
    @Inject(CACHE_REDIS) private readonly cache: Redis,
    @Inject(QUEUE_REDIS) private readonly queue: Redis,
  ) {}

  async onApplicationShutdown() {
    await this.queues.close();
    await Promise.all([this.db.close(), disconnectRedis(this.cache), disconnectRedis(this.queue)]);
  }
}
