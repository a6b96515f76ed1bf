import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from './log.js';
import { queueJobs, queueMetricsLeader, queueOldestWaiting } from './metrics.js';
import { bullPrefix } from './queue.js';
import type { JobQueues } from './queue.js';

export interface QueueMetricsOptions {
  readonly queues: JobQueues;
  /** On the instance of the queues; holds the lock. */
  readonly redis: Redis;
  readonly keyPrefix: string;
  readonly logger: Logger;
  readonly pollMs?: number;
}

const defaultPollMs = 5_000;

/** Takes the lock or, where it is ours, holds it for longer. */
const lead = `
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
return 1`;

const giveUpLead = `
if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end
return 1`;

/**
 * Tells the state of the queues, in one process at a time however many run this: whoever holds a lock in Redis. The
 * others show nothing, so that a sum over all processes is right. A leader that dies is followed within three polls.
 */
export class QueueMetrics {
  readonly #options: QueueMetricsOptions;
  readonly #id = randomUUID();
  readonly #lock: string;
  readonly #pollMs: number;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  #failing = false;

  constructor(options: QueueMetricsOptions) {
    this.#options = options;
    this.#lock = `${bullPrefix(options.keyPrefix)}:metrics-leader`;
    this.#pollMs = options.pollMs ?? defaultPollMs;
  }

  /** Looks now and from then on; never throws. */
  start(): void {
    this.#running = this.#poll().finally(() => {
      if (!this.#stopped) this.#timer = setTimeout(() => this.start(), this.#pollMs).unref();
    });
  }

  /** Lets another process lead at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
    this.#forget();
    await this.#options.redis.eval(giveUpLead, 1, this.#lock, this.#id).catch(() => undefined);
  }

  async #poll() {
    const { queues, redis, logger } = this.#options;
    try {
      const leads = await redis.eval(lead, 1, this.#lock, this.#id, this.#pollMs * 3);
      if (leads === 1) this.#show(await queues.inspect());
      else this.#forget();
      this.#failing = false;
    } catch (err) {
      // Old figures would look like fresh ones.
      this.#forget();
      if (!this.#failing) logger.warn({ err }, 'the state of the queues cannot be told right now');
      this.#failing = true;
    }
  }

  #show(states: Awaited<ReturnType<JobQueues['inspect']>>) {
    queueMetricsLeader.set(1);
    const now = Date.now();
    for (const [queue, { jobs, oldestWaitingSinceMs }] of Object.entries(states)) {
      for (const [state, count] of Object.entries(jobs)) queueJobs.set({ queue, state }, count);
      const since = oldestWaitingSinceMs ?? now;
      queueOldestWaiting.set({ queue }, Math.max(0, now - since) / 1_000);
    }
  }

  #forget() {
    queueMetricsLeader.set(0);
    queueJobs.reset();
    queueOldestWaiting.reset();
  }
}
