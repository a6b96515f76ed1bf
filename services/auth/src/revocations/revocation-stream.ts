import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { revocationStream, revocationWindowSeconds } from '@capstone/contracts/revocations';
import { connectRedis, disconnectRedis } from '@capstone/platform/redis';
import { CONFIG } from '../config.js';
import type { Config } from '../config.js';
import { LOGGER } from '../logger.js';
import type { Logger } from '../logger.js';
import type { Revocation } from './revocations.repository.js';

/** Appends to the Redis stream that verifiers follow; its entries are described beside RevocationEntry. */
@Injectable()
export class RevocationStream implements OnApplicationShutdown {
  private readonly redis: ReturnType<typeof connectRedis>;
  private readonly key: string;

  constructor(@Inject(CONFIG) config: Config, @Inject(LOGGER) logger: Logger) {
    this.key = revocationStream(config.redis.keyPrefix);
    this.redis = connectRedis({
      url: config.redis.queueUrl,
      caFile: config.redis.caFile,
      name: 'auth-revocations',
      logger,
    });
  }

  async append({ kind, id, revokedAt }: Revocation): Promise<void> {
    await this.add('kind', kind, 'id', id, 'revokedAtMs', String(revokedAt.getTime()));
  }

  async appendHeartbeat(asOfMs: number): Promise<void> {
    await this.add('kind', 'heartbeat', 'asOfMs', String(asOfMs));
  }

  async onApplicationShutdown(): Promise<void> {
    await disconnectRedis(this.redis);
  }

  /** Entry ids begin with Redis's clock in milliseconds, so MINID trims by age; `~` lets it do so in whole blocks. */
  private async add(...fields: string[]): Promise<void> {
    const oldest = Date.now() - revocationWindowSeconds * 1_000;
    await this.redis.xadd(this.key, 'MINID', '~', oldest, '*', ...fields);
  }
}
