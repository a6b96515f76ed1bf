import { createHmac } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { sourceOf } from '@capstone/platform/client-source';
import type { Logger } from '@capstone/platform/log';
import { Problem } from '@capstone/platform/problem';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { attemptsRefused } from '../metrics.js';
import type { AttemptCounters, Buckets } from './attempts.js';
import { CACHE_REDIS } from './cache-redis.js';
import type { CacheRedis } from './cache-redis.js';
import { mintKnownDevice, readKnownDevice } from './known-device.js';
import { MemoryAttempts } from './memory-attempts.js';
import { RedisAttempts } from './redis-attempts.js';

/** Who tries, as far as can be said before they have proven anything. */
export interface Attempt {
  /** In its canonical spelling; counted the same whether or not there is such an account. */
  readonly identifier: string;
  /** The client's address as the public door saw it. */
  readonly address: string | undefined;
  readonly deviceToken?: string | undefined;
}

const firstDelayMs = 30_000;
const longestDelayMs = 15 * 60_000;
const avoidRedisMs = 1_000;

/**
 * Slows guessing down and locks nobody out. A stranger's failures close the way of this account from this place, for
 * longer each time; a known device has a count of its own, which no stranger can use up; many failures on one account
 * from everywhere make each unknown place stricter, and refuse nobody by themselves.
 */
@Injectable()
export class ThrottleService {
  private readonly shared: AttemptCounters;
  private readonly local = new MemoryAttempts();
  private redisFailedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CACHE_REDIS) private readonly redis: CacheRedis,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.shared = new RedisAttempts(redis);
  }

  /**
   * Runs `judge` if this attempt may be judged; undefined from it is a failure, a throw is none. Throws `rate-limited`.
   * Counted before it is judged, so of any number at once no more than the limit get through.
   */
  async judge<T>(attempt: Attempt, judge: () => Promise<T | undefined>): Promise<T | undefined> {
    const buckets = this.bucketsOf(attempt);
    const waitMs = await this.count((counters) => counters.begin(buckets));
    if (waitMs > 0) {
      attemptsRefused.inc();
      throw new Problem('rate-limited', { retryAfterSeconds: waitMs / 1_000 });
    }
    const verdict = await judge().catch(async (error: unknown) => {
      await this.count((counters) => counters.withdraw(buckets));
      throw error;
    });
    if (verdict !== undefined) await this.count((counters) => counters.succeed(buckets));
    return verdict;
  }

  /** For who has signed in completely, unless their device is known already. */
  introduceDevice(email: string, deviceToken?: string): string | undefined {
    if (this.knownDevice(email, deviceToken)) return undefined;
    return mintKnownDevice(this.config.tokens.pepper, email, Date.now());
  }

  private knownDevice(email: string, deviceToken: string | undefined): string | undefined {
    if (deviceToken === undefined) return undefined;
    return readKnownDevice(this.config.tokens.pepper, email, deviceToken, Date.now());
  }

  private bucketsOf({ identifier, address, deviceToken }: Attempt): Buckets {
    const { accountSource, source, account } = this.config.throttle;
    const who = this.digest(identifier);
    const device = this.knownDevice(identifier, deviceToken);
    // Without an address everybody shares one place, and its strictness.
    const place = address ? sourceOf(address) : 'unknown';
    const ownRule = {
      limit: accountSource.requests,
      limitUnderPressure: Math.ceil(accountSource.requests / 3),
      windowMs: accountSource.seconds * 1_000,
      firstDelayMs,
      longestDelayMs,
    };
    return {
      account: {
        key: this.key('account', who),
        pressure: account.requests,
        windowMs: account.seconds * 1_000,
      },
      own: device
        ? {
            key: this.key('device', `${who}:${device}`),
            rule: { ...ownRule, limitUnderPressure: ownRule.limit },
          }
        : { key: this.key('account-source', `${who}:${place}`), rule: ownRule },
      source: device
        ? undefined
        : {
            key: this.key('source', place),
            rule: {
              limit: source.requests,
              limitUnderPressure: source.requests,
              windowMs: source.seconds * 1_000,
              firstDelayMs: 0,
              longestDelayMs: 0,
            },
          },
    };
  }

  /** Addresses of people do not lie in a cache. */
  private digest(identifier: string): string {
    return createHmac('sha256', this.config.tokens.pepper)
      .update(`throttle ${identifier}`)
      .digest('base64url');
  }

  private key(kind: string, of: string): string {
    return `${this.config.redis.keyPrefix}:limits:attempts:${kind}:${of}`;
  }

  private async count<T>(work: (counters: AttemptCounters) => Promise<T>): Promise<T> {
    if (this.redis.status !== 'ready' || performance.now() - this.redisFailedAtMs < avoidRedisMs) {
      return work(this.local);
    }
    try {
      return await work(this.shared);
    } catch (err) {
      this.redisFailedAtMs = performance.now();
      this.logger.warn({ err }, 'attempts are counted in this process for a moment');
      return work(this.local);
    }
  }
}
