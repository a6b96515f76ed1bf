import { SpanKind } from '@opentelemetry/api';
import { deadLetterQueue, jobs } from '@capstone/contracts/jobs';
import type { JobName, JobPayload } from '@capstone/contracts/jobs';
import { Queue } from 'bullmq';
import type { BulkJobOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from './log.js';
import { queueJobs } from './metrics.js';
import { Problem } from './problem.js';
import { connectRedis, disconnectRedis, isRedisUnavailable } from './redis.js';
import { withSpan } from './tracing.js';

/** Where the queues live. */
export interface QueueConnection {
  readonly url: string;
  readonly caFile?: string | undefined;
  /** REDIS_KEY_PREFIX; the queues are under `<it>:bull`. */
  readonly keyPrefix: string;
  /** Of the service: shown by CLIENT LIST. */
  readonly name: string;
  readonly logger: Logger;
}

/** One job to be added. A job with an id that the queue still knows is not added again. */
export type NewJob = {
  [Name in JobName]: {
    readonly name: Name;
    readonly payload: JobPayload<Name>;
    /** Must not contain ":". */
    readonly id: string;
    /** W3C trace context that the consumer continues. */
    readonly traceparent?: string | undefined;
  };
}[JobName];

/** What lies in Redis: the payload and its trace, side by side so that the payload stays strict. */
export interface Envelope {
  readonly payload: unknown;
  readonly traceparent?: string | undefined;
}

/** How many jobs are in each state, by queue. */
export type QueueCounts = Record<string, Record<string, number>>;

const states = ['waiting', 'active', 'delayed', 'failed', 'completed'] as const;
const payloadLimitBytes = 16_384;
/** A finished job is remembered this long, so that one relayed twice is still not run twice. */
const keepCompleted = { age: 3_600, count: 10_000 };
const keepFailed = { age: 7 * 24 * 3_600, count: 10_000 };

/** The sending side of every queue. Connects in the background. */
export class JobQueues {
  readonly #redis: Redis;
  readonly #queues: ReadonlyMap<string, Queue>;

  constructor(connection: QueueConnection) {
    this.#redis = connectRedis({ ...connection, name: `${connection.name}-queues` });
    const names = new Set([...Object.values(jobs).map((job) => job.queue), deadLetterQueue]);
    this.#queues = new Map(
      [...names].map((name) => [name, openQueue(name, this.#redis, connection.keyPrefix)]),
    );
  }

  /** Adds one job; see addMany. */
  async add<Name extends JobName>(
    name: Name,
    payload: JobPayload<Name>,
    options: { id: string; traceparent?: string | undefined },
  ): Promise<void> {
    await this.addMany([{ name, payload, ...options } as NewJob]);
  }

  /**
   * Adds jobs, each once however often it is asked for. Throws ZodError for a payload that is not the job's, and Problem
   * `dependency-unavailable` within about five seconds when Redis does not answer; the jobs may then exist or not.
   */
  async addMany(newJobs: readonly NewJob[]): Promise<void> {
    const byQueue = Map.groupBy(newJobs, ({ name }) => jobs[name].queue);
    const batches = [...byQueue].map(([queue, batch]) => ({ queue, batch: batch.map(toBulkJob) }));
    await withSpan(
      'queue add',
      { 'messaging.batch.message_count': newJobs.length },
      () => reportUnavailable(batches.map(({ queue, batch }) => this.#queue(queue).addBulk(batch))),
      SpanKind.PRODUCER,
    );
  }

  /** Counts the jobs of every queue, dead letters included, and sets the gauge. */
  async counts(): Promise<QueueCounts> {
    const entries = await reportUnavailable(
      [...this.#queues].map(async ([name, queue]) => {
        const counts = await queue.getJobCounts(...states);
        for (const state of states) queueJobs.set({ queue: name, state }, counts[state] ?? 0);
        return [name, counts] as const;
      }),
    );
    return Object.fromEntries(entries);
  }

  async close(): Promise<void> {
    await disconnectRedis(this.#redis);
  }

  #queue(name: string) {
    const queue = this.#queues.get(name);
    if (!queue) throw new Error(`There is no queue ${name}.`);
    return queue;
  }
}

/** Never waits for Redis: BullMQ would otherwise ask for its version first, and stay broken if that failed. */
export function openQueue(name: string, connection: Redis, keyPrefix: string) {
  const queue = new Queue(name, {
    connection,
    prefix: bullPrefix(keyPrefix),
    skipVersionCheck: true,
    skipWaitingForReady: true,
  });
  // Each call reports its own failure, and the connection logs its loss.
  queue.on('error', () => undefined);
  return queue;
}

/** The prefix of every key of BullMQ. */
export function bullPrefix(keyPrefix: string) {
  return `${keyPrefix}:bull`;
}

function toBulkJob({ name, payload, id, traceparent }: NewJob) {
  const { attempts, backoffMs } = jobs[name];
  const data: Envelope = { payload: jobs[name].payload.parse(payload), traceparent };
  const opts: BulkJobOptions = {
    jobId: id,
    attempts,
    backoff: { type: 'exponential', delay: backoffMs, jitter: 0.5 },
    removeOnComplete: keepCompleted,
    removeOnFail: keepFailed,
    sizeLimit: payloadLimitBytes,
  };
  return { name, data, opts };
}

async function reportUnavailable<T>(calls: readonly Promise<T>[]): Promise<T[]> {
  try {
    return await Promise.all(calls);
  } catch (error) {
    throw isRedisUnavailable(error)
      ? new Problem('dependency-unavailable', { cause: error })
      : error;
  }
}
