import { Inject, Module } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from '@capstone/platform/log';
import { connectRedis, disconnectRedis } from '@capstone/platform/redis';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { CACHE_REDIS } from './cache-redis.js';
import type { CacheRedis } from './cache-redis.js';
import { ThrottleService } from './throttle.service.js';

@Module({
  providers: [
    {
      provide: CACHE_REDIS,
      inject: [CONFIG, LOGGER],
      useFactory: ({ redis }: Config, logger: Logger) =>
        connectRedis({
          url: redis.cacheUrl,
          caFile: redis.caFile,
          name: 'auth-cache',
          logger,
          commandTimeoutMs: 250,
        }),
    },
    ThrottleService,
  ],
  exports: [ThrottleService],
})
export class ThrottleModule implements OnApplicationShutdown {
  constructor(@Inject(CACHE_REDIS) private readonly redis: CacheRedis) {}

  async onApplicationShutdown(): Promise<void> {
    await disconnectRedis(this.redis);
  }
}
