import { LRUCache } from 'lru-cache';
import { refusingOf } from './attempts.js';
import type { AttemptCounters, Buckets } from './attempts.js';

interface Count {
  failures: number;
  openAtMs: number;
  endsAtMs: number;
}

const mostBuckets = 50_000;

/** The same in this process alone, for while Redis is away. The oldest buckets give way when there are too many. */
export class MemoryAttempts implements AttemptCounters {
  private readonly counts = new LRUCache<string, Count>({ max: mostBuckets });

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  async begin(buckets: Buckets): Promise<number> {
    const now = this.nowMs();
    const refusing = refusingOf(buckets);
    const waitMs = Math.max(...refusing.map(({ key }) => this.live(key)?.openAtMs ?? 0)) - now;
    if (waitMs > 0) return Math.ceil(waitMs);

    const { account } = buckets;
    const isPressed = this.count(account.key, account.windowMs).failures > account.pressure;
    for (const { key, rule } of refusing) {
      const count = this.count(key, rule.windowMs);
      const excess = count.failures - (isPressed ? rule.limitUnderPressure : rule.limit);
      if (excess < 0) continue;
      if (rule.firstDelayMs > 0) {
        const delayMs = Math.min(rule.longestDelayMs, rule.firstDelayMs * 2 ** excess);
        count.openAtMs = now + delayMs;
        count.endsAtMs = now + delayMs + rule.windowMs;
      } else {
        count.openAtMs = count.endsAtMs;
      }
    }
    return 0;
  }

  async succeed(buckets: Buckets): Promise<void> {
    await this.withdraw(buckets);
    this.counts.delete(buckets.own.key);
  }

  async withdraw({ account, own, source }: Buckets): Promise<void> {
    for (const key of [account.key, own.key, source?.key]) {
      const count = key === undefined ? undefined : this.live(key);
      if (!count) continue;
      count.failures = Math.max(0, count.failures - 1);
      count.openAtMs = 0;
    }
  }

  private count(key: string, windowMs: number): Count {
    const count = this.live(key) ?? { failures: 0, openAtMs: 0, endsAtMs: this.nowMs() + windowMs };
    count.failures += 1;
    this.counts.set(key, count);
    return count;
  }

  private live(key: string): Count | undefined {
    const count = this.counts.get(key);
    return count && count.endsAtMs > this.nowMs() ? count : undefined;
  }
}
