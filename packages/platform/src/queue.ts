import { SpanKind } from '@opentelemetry/api';
import { deadLetterQueue, jobs } from '@capstone/contracts/jobs';
import type { JobName, JobPayload, QueueName } from '@capstone/contracts/jobs';
import { DelayedError, Queue, UnrecoverableError, Worker } from 'bullmq';
import type { BulkJobOptions, Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from './log.js';
import { jobDeadLettered, jobDuration, queueJobs, stopwatch } from './metrics.js';
import { Problem } from './problem.js';
import { connectRedis, disconnectRedis, isRedisUnavailable } from './redis.js';
import { continueTrace, withSpan } from './tracing.js';

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
interface Envelope {
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

/** What a handler is told about the run it is part of. */
export interface JobContext {
  readonly id: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Aborted when the process must stop or has lost its hold on the job; another run may then be under way. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Does the job, and may do it again: jobs arrive at least once. Throwing means trying again, by the job's table. */
export type JobHandler<Name extends JobName> = (
  payload: JobPayload<Name>,
  job: JobContext,
) => Promise<void>;

/** A handler for each job of a queue, none missing and none too many. */
export type JobHandlers<Q extends QueueName> = {
  [Name in JobName as (typeof jobs)[Name]['queue'] extends Q ? Name : never]: JobHandler<Name>;
};

export interface JobConsumerOptions<Q extends QueueName> extends QueueConnection {
  readonly queue: Q;
  readonly handlers: JobHandlers<Q>;
  readonly concurrency: number;
  /** How long drain() lets running jobs go on before their signal is aborted. */
  readonly drainTimeoutMs: number;
  /** A job whose process died is taken up by another after this time and up to a third more. */
  readonly lockDurationMs?: number;
}

/**
 * Runs the jobs of one queue: validates, continues the trace, times, counts. A Problem that no repetition can mend, and
 * the failure of the last attempt, end in the dead-letter queue under `dead-<job id>`. A lost Redis is waited out.
 */
export class JobConsumer<Q extends QueueName> {
  readonly #options: JobConsumerOptions<Q>;
  readonly #redis: Redis;
  readonly #letterRedis: Redis;
  readonly #letters: Queue;
  readonly #worker: Worker<Envelope>;
  readonly #stop = new AbortController();
  readonly #burials = new Set<Promise<void>>();

  constructor(options: JobConsumerOptions<Q>) {
    const { queue, keyPrefix, concurrency, lockDurationMs = 15_000 } = options;
    this.#options = options;
    this.#redis = connectRedis({ ...options, name: `${options.name}-${queue}`, forBlocking: true });
    this.#letterRedis = connectRedis({ ...options, name: `${options.name}-${deadLetterQueue}` });
    this.#letters = openQueue(deadLetterQueue, this.#letterRedis, keyPrefix);
    this.#worker = new Worker(queue, (job, token, signal) => this.#run(job, token, signal), {
      connection: this.#redis,
      prefix: bullPrefix(keyPrefix),
      concurrency,
      autorun: false,
      lockDuration: lockDurationMs,
      stalledInterval: lockDurationMs / 3,
      // A job that has killed its process three times is not tried a fourth time.
      maxStalledCount: 2,
      runRetryDelay: 1_000,
    });
    this.#worker.on('error', (err) => this.#logUnlessUnavailable(err));
    this.#worker.on('failed', (job, err) => job?.finishedOn && this.#bury(job, err));
  }

  /** Begins to take jobs, now or when Redis is there. */
  start(): void {
    this.#worker.run().catch((err: unknown) => this.#logUnlessUnavailable(err));
  }

  /**
   * Takes no more jobs and waits for the running ones. After `drainTimeoutMs` their signal is aborted and they go back to
   * the queue with no attempt spent; a second later the connections are closed whatever happens, and other processes
   * take up what is left when its lock has run out.
   */
  async drain(): Promise<void> {
    const { drainTimeoutMs, logger, queue } = this.#options;
    const abort = setTimeout(() => this.#stop.abort(new Error('draining')), drainTimeoutMs);
    const tooLate = Promise.withResolvers<'too late'>();
    const giveUp = setTimeout(() => tooLate.resolve('too late'), drainTimeoutMs + 1_000);
    const closed = this.#worker.close().then(() => Promise.all(this.#burials));
    if ((await Promise.race([closed, tooLate.promise])) === 'too late') {
      logger.warn({ queue }, 'jobs were still running at the end of the drain');
      void this.#worker.disconnect().catch(() => undefined);
    }
    clearTimeout(abort);
    clearTimeout(giveUp);
    await Promise.all([disconnectRedis(this.#redis), disconnectRedis(this.#letterRedis)]);
  }

  async #run(job: Job<Envelope>, token: string | undefined, lost: AbortSignal | undefined) {
    const { name } = job;
    // The name comes from Redis: an unknown one must not become a metric label.
    const label = isJobName(name) ? name : 'unknown';
    const seconds = stopwatch();
    let outcome = 'failed';
    try {
      await continueTrace(job.data.traceparent, `job ${label}`, () => this.#handle(job, lost));
      outcome = 'completed';
    } catch (error) {
      if (this.#stop.signal.aborted) {
        outcome = 'interrupted';
        await job.moveToDelayed(Date.now(), token);
        throw new DelayedError();
      }
      throw asQueueError(error);
    } finally {
      jobDuration.observe({ job: label, outcome }, seconds());
    }
  }

  async #handle(job: Job<Envelope>, lost: AbortSignal | undefined) {
    const id = job.id ?? '';
    const attempt = job.attemptsMade + 1;
    const logger = this.#options.logger.child({ job: job.name, jobId: id, attempt });
    const handler = (this.#options.handlers as Record<string, JobHandler<JobName> | undefined>)[
      job.name
    ];
    // Not unrecoverable: during a rollout the next attempt may meet a process that knows it.
    if (!handler || !isJobName(job.name)) throw new Error('This release does not know the job.');
    const payload = jobs[job.name].payload.safeParse(job.data.payload);
    if (!payload.success) throw new UnrecoverableError('The payload is not valid for the job.');

    const signal = AbortSignal.any([this.#stop.signal, ...(lost ? [lost] : [])]);
    try {
      await handler(payload.data, { id, attempt, signal, logger });
    } catch (err) {
      const expected = err instanceof Problem || signal.aborted;
      logger[expected ? 'info' : 'error']({ err }, 'job attempt failed');
      throw err;
    }
  }

  #bury(job: Job<Envelope>, err: Error) {
    const { logger, queue } = this.#options;
    const about = { job: job.name, jobId: job.id, attempts: job.attemptsMade };
    logger.error({ err, ...about }, 'job given up');
    jobDeadLettered.inc({ job: isJobName(job.name) ? job.name : 'unknown' });
    const letter = { ...job.data, queue, reason: err.message, attempts: job.attemptsMade };
    const burial = this.#letters
      .add(job.name, letter, { jobId: `dead-${job.id}` })
      .catch((cause: unknown) => {
        logger.error(
          { err: cause, ...about },
          'dead letter not stored: the failed set has the job',
        );
      })
      .then(() => void this.#burials.delete(burial));
    this.#burials.add(burial);
  }

  #logUnlessUnavailable(err: unknown) {
    if (isRedisUnavailable(err)) return;
    this.#options.logger.error({ err, queue: this.#options.queue }, 'queue consumer fault');
  }
}

/** Never waits for Redis: BullMQ would otherwise ask for its version first, and stay broken if that failed. */
function openQueue(name: string, connection: Redis, keyPrefix: string) {
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

function bullPrefix(keyPrefix: string) {
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

/** BullMQ keeps the message with the job, so it must be one that may be read by whoever may read the queue. */
function asQueueError(error: unknown): Error {
  if (error instanceof Problem && !error.retryable) return new UnrecoverableError(error.message);
  return error instanceof Error ? error : new Error(String(error));
}

function isJobName(name: string): name is JobName {
  return Object.hasOwn(jobs, name);
}
