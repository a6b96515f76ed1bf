import { Global, Inject, Module } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Database } from '@capstone/platform/database';
import { Health } from '@capstone/platform/health';
import type { Logger } from '@capstone/platform/log';
import { Outbox } from '@capstone/platform/outbox';
import { OutboxRelay } from '@capstone/platform/outbox-relay';
import { JobQueues } from '@capstone/platform/queue';
import { connectRedis, disconnectRedis } from '@capstone/platform/redis';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { QUEUE_REDIS } from './queue-redis.js';
import type { QueueRedis } from './queue-redis.js';

/** What this process talks to outside itself. Global, so it closes last, after the features. */
@Global()
@Module({
  providers: [
    {
      provide: Database,
      inject: [CONFIG, LOGGER],
      useFactory: ({ database }: Config, logger: Logger) =>
        new Database({ ...database, applicationName: 'capstone-auth', logger }),
    },
    {
      provide: QUEUE_REDIS,
      inject: [CONFIG, LOGGER],
      useFactory: ({ redis }: Config, logger: Logger) =>
        connectRedis({ url: redis.queueUrl, caFile: redis.caFile, name: 'auth-queue', logger }),
    },
    {
      provide: JobQueues,
      inject: [CONFIG, LOGGER],
      useFactory: ({ redis }: Config, logger: Logger) =>
        new JobQueues({
          url: redis.queueUrl,
          caFile: redis.caFile,
          keyPrefix: redis.keyPrefix,
          name: 'auth',
          logger,
        }),
    },
    { provide: Outbox, useFactory: () => new Outbox('auth') },
    {
      provide: OutboxRelay,
      inject: [Database, JobQueues, LOGGER],
      useFactory: (database: Database, queues: JobQueues, logger: Logger) =>
        new OutboxRelay({ database, schema: 'auth', queues, publishEvent: refuseEvent, logger }),
    },
  ],
  exports: [Database, QUEUE_REDIS, Outbox],
})
export class ConnectionsModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly db: Database,
    private readonly queues: JobQueues,
    private readonly relay: OutboxRelay,
    @Inject(QUEUE_REDIS) private readonly redis: QueueRedis,
    health: Health,
  ) {
    health.register('database', () => db.ping());
  }

  onApplicationBootstrap(): void {
    this.relay.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.relay.stop();
    await this.queues.close();
    await Promise.all([this.db.close(), disconnectRedis(this.redis)]);
  }
}

/** Events are told by the service whose data they are about. */
async function refuseEvent(): Promise<void> {
  throw new Error('auth tells the world through jobs alone');
}
