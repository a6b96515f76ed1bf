import {
  Global,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Redis } from 'ioredis';
import { Database } from '@capstone/platform/database';
import { Health } from '@capstone/platform/health';
import type { Logger } from '@capstone/platform/log';
import { Outbox } from '@capstone/platform/outbox';
import { JobQueues } from '@capstone/platform/queue';
import { QueueMetrics } from '@capstone/platform/queue-metrics';
import { connectRedis, disconnectRedis } from '@capstone/platform/redis';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { Idempotency } from '../http/idempotency.js';
import { RouteRegistry } from '../http/route-registry.js';
import { CACHE_REDIS, QUEUE_REDIS } from './tokens.js';

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
        }),
    },
    {
      provide: CACHE_REDIS,
      inject: [CONFIG, LOGGER],
      useFactory: ({ redis }: Config, logger: Logger) =>
        connectRedis({
          url: redis.cacheUrl,
          caFile: redis.caFile,
          name: 'api-cache',
          logger,
          // Every request asks it, and can do without the answer.
          commandTimeoutMs: 250,
        }),
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
        new JobQueues({
          url: redis.queueUrl,
          caFile: redis.caFile,
          keyPrefix: redis.keyPrefix,
          name: 'api',
          logger,
        }),
    },
    {
      provide: QueueMetrics,
      inject: [JobQueues, QUEUE_REDIS, CONFIG, LOGGER],
      useFactory: (queues: JobQueues, queueRedis: Redis, { redis }: Config, logger: Logger) =>
        new QueueMetrics({ queues, redis: queueRedis, keyPrefix: redis.keyPrefix, logger }),
    },
    { provide: Outbox, useFactory: () => new Outbox('app') },
    Idempotency,
    RouteRegistry,
  ],
  exports: [Database, CACHE_REDIS, QUEUE_REDIS, JobQueues, Outbox, Idempotency, RouteRegistry],
})
export class ConnectionsModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly db: Database,
    private readonly queues: JobQueues,
    private readonly queueMetrics: QueueMetrics,
    @Inject(CACHE_REDIS) private readonly cache: Redis,
    @Inject(QUEUE_REDIS) private readonly queue: Redis,
    health: Health,
  ) {
    health.register('database', () => db.ping());
    health.register('queue', async () => void (await queue.ping()));
  }

  onApplicationBootstrap() {
    this.queueMetrics.start();
  }

  async onApplicationShutdown() {
    await this.queueMetrics.stop();
    await this.queues.close();
    await Promise.all([this.db.close(), disconnectRedis(this.cache), disconnectRedis(this.queue)]);
  }
}
