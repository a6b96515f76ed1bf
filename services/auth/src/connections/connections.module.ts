import { Global, Inject, Module } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { Database } from '@capstone/platform/database';
import { Health } from '@capstone/platform/health';
import type { Logger } from '@capstone/platform/log';
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
  ],
  exports: [Database, QUEUE_REDIS],
})
export class ConnectionsModule implements OnApplicationShutdown {
  constructor(
    private readonly db: Database,
    @Inject(QUEUE_REDIS) private readonly redis: QueueRedis,
    health: Health,
  ) {
    health.register('database', () => db.ping());
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.db.close(), disconnectRedis(this.redis)]);
  }
}
