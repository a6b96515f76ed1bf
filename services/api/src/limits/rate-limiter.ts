import { Inject, Injectable } from '@nestjs/common';
import { Redis, type Result } from 'ioredis';
import { LRUCache } from 'lru-cache';
import type { Logger } from '@capstone/platform/log';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { CACHE_REDIS } from '../connections/tokens.js';
import { limitsCountedLocally } from '../metrics.js';
import type { Allowance } from '../http/route.js';
import { gcra, gcraScript, intervalMicros, type Taken } from './gcra.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    takeAllowance(
      key: string,
      intervalMicros: number,
      burst: number,
    ): Result<[allowed: number, remaining: number, resetMs: number, waitMs: number], Context>;
  }
}

const localBuckets = 50_000;
const avoidRedisMs = 1_000;

/** Counts requests against allowances: in Redis for all instances together, in this process while Redis is away. */
@Injectable()
export class RateLimiter {
  private readonly local = new LRUCache<string, number>({ max: localBuckets });
  private readonly intervals: Record<Allowance, number>;
  private readonly prefix: string;
  private redisFailedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CACHE_REDIS) private readonly redis: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const { limits } = config;
    this.prefix = `${config.redis.keyPrefix}:limits:`;
    this.intervals = {
      caller: intervalMicros(limits.caller),
      source: intervalMicros(limits.source),
      'sign-in': intervalMicros(limits['sign-in']),
    };
    redis.defineCommand('takeAllowance', { numberOfKeys: 1, lua: gcraScript });
  }

  /** Takes one request from the allowance of `owner`. Never throws and never lets more than the allowance pass. */
  async take(allowance: Allowance, owner: string): Promise<Taken> {
    const key = `${this.prefix}${allowance}:${owner}`;
    if (this.redis.status !== 'ready' || performance.now() - this.redisFailedAtMs < avoidRedisMs) {
      return this.takeLocally(allowance, key);
    }
    try {
      const { requests } = this.config.limits[allowance];
      const [allowed, remaining, resetMs, waitMs] = await this.redis.takeAllowance(
        key,
        this.intervals[allowance],
        requests,
      );
      return { allowed: allowed === 1, remaining, resetMs, waitMs };
    } catch (error) {
      this.redisFailedAtMs = performance.now();
      this.logger.warn({ err: error }, 'rate limits are counted in this process for a moment');
      return this.takeLocally(allowance, key);
    }
  }

  private takeLocally(allowance: Allowance, key: string): Taken {
    limitsCountedLocally.inc();
    const { replicas } = this.config.limits;
    const { requests, seconds } = this.config.limits[allowance];
    const share = { requests: Math.max(1, Math.floor(requests / replicas)), seconds };
    const { taken, arrivalMs } = gcra(this.local.get(key), performance.now(), share);
    this.local.set(key, arrivalMs);
    return taken;
  }
}
