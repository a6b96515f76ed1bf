import { SpanKind } from '@opentelemetry/api';
import type { Attributes } from '@opentelemetry/api';
import { deadLetterQueue, jobs } from '@capstone/contracts/jobs';
import type { JobName, JobPayload } from '@capstone/contracts/jobs';
import { Queue } from 'bullmq';
import type { BulkJobOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from './log.js';
import { Problem } from './problem.js';
import { connectRedis, disconnectRedis, isRedisUnavailable } from './redis.js';
import { continueTrace, currentTraceparent } from './tracing.js';

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

/** What lies in a queue now. */
export interface QueueState {
  readonly jobs: Readonly<Record<string, number>>;
  /** Since when the job at its head waits, in milliseconds since 1970; undefined when none does. */
  readonly oldestWaitingSinceMs: number | undefined;
}

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
    await reportUnavailable(batches.map(({ queue, batch }) => this.#queue(queue).addBulk(batch)));
  }

  /** Counts the jobs of every queue, dead letters included. */
  async counts(): Promise<QueueCounts> {
    const entries = await reportUnavailable(
      [...this.#queues].map(
        async ([name, queue]) => [name, await queue.getJobCounts(...states)] as const,
      ),
    );
    return Object.fromEntries(entries);
  }

  /** Looks at every queue, dead letters included. */
  async inspect(): Promise<Record<string, QueueState>> {
    const entries = await reportUnavailable(
      [...this.#queues].map(async ([name, queue]) => [name, await inspectQueue(queue)] as const),
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

async function inspectQueue(queue: Queue): Promise<QueueState> {
  const [counts, [oldest]] = await Promise.all([
    queue.getJobCounts(...states),
    queue.getJobs(['waiting'], 0, 0, true),
  ]);
  // A job that waits for another attempt has been waiting since the last one, not since it was added.
  const since = oldest && Math.max(oldest.timestamp, oldest.processedOn ?? 0);
  return { jobs: counts, oldestWaitingSinceMs: since };
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

/** The span of a job on its way into its queue, in the trace it comes from; the context that its consumer continues. */
function sendSpan({ name, id, traceparent }: NewJob): string | undefined {
  if (traceparent === undefined) return undefined;
  const { queue } = jobs[name];
  const attributes = {
    ...messagingAttributes(queue, id, name),
    'messaging.operation.type': 'send',
  };
  return continueTrace(traceparent, `send ${queue}`, currentTraceparent, {
    kind: SpanKind.PRODUCER,
    attributes,
  });
}

/** OpenTelemetry semantic conventions 1.45 for messaging; what BullMQ calls a queue is the destination. */
export function messagingAttributes(queue: string, id: string, job: string): Attributes {
  return {
    'messaging.system': 'bullmq',
    'messaging.destination.name': queue,
    'messaging.message.id': id,
    'messaging.operation.name': job,
  };
}

function toBulkJob(job: NewJob) {
  const { name, payload, id } = job;
  const { attempts, backoffMs } = jobs[name];
  const data: Envelope = { payload: jobs[name].payload.parse(payload), traceparent: sendSpan(job) };
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
