import { Inject, Injectable } from '@nestjs/common';
import { revocationStream, revocationWindowSeconds } from '@capstone/contracts/revocations';
import { CONFIG } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { QUEUE_REDIS } from '../connections/queue-redis.js';
import type { QueueRedis } from '../connections/queue-redis.js';
import type { Revocation } from './revocations.repository.js';

/** Appends to the Redis stream that verifiers follow; its entries are described beside RevocationEntry. */
@Injectable()
export class RevocationStream {
  private readonly key: string;

  constructor(
    @Inject(QUEUE_REDIS) private readonly redis: QueueRedis,
    @Inject(CONFIG) config: Config,
  ) {
    this.key = revocationStream(config.redis.keyPrefix);
  }

  async append({ kind, id, revokedAtMs, epoch }: Revocation): Promise<void> {
    const upTo = epoch === null ? [] : ['epoch', String(epoch)];
    await this.add('kind', kind, 'id', id, 'revokedAtMs', String(revokedAtMs), ...upTo);
  }

  async appendHeartbeat(asOfMs: number): Promise<void> {
    await this.add('kind', 'heartbeat', 'asOfMs', String(asOfMs));
  }

  /** Entry ids begin with Redis's clock in milliseconds, so MINID trims by age; `~` lets it do so in whole blocks. */
  private async add(...fields: string[]): Promise<void> {
    const oldest = Date.now() - revocationWindowSeconds * 1_000;
    await this.redis.xadd(this.key, 'MINID', '~', oldest, '*', ...fields);
  }
}
