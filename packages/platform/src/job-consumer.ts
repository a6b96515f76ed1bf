import { deadLetterQueue, jobs } from '@capstone/contracts/jobs';
import type { JobName, JobPayload, QueueName } from '@capstone/contracts/jobs';
import { SpanKind } from '@opentelemetry/api';
import { DelayedError, UnrecoverableError, Worker } from 'bullmq';
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from './log.js';
import {
  jobDeadLettered,
  jobDuration,
  jobRetries,
  jobStalled,
  jobWait,
  observeTraced,
  stopwatch,
} from './metrics.js';
import { Problem } from './problem.js';
import { bullPrefix, messagingAttributes, openQueue } from './queue.js';
import type { Envelope, QueueConnection } from './queue.js';
import { connectRedis, disconnectRedis, isRedisUnavailable } from './redis.js';
import { closeTrace, keepAfterwards, openTrace, runInTrace } from './tracing.js';
import type { TraceContext } from './tracing.js';

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
    this.#worker.on('stalled', () => jobStalled.inc({ queue }));
    for (const name of Object.keys(options.handlers)) {
      // From zero, or the first one would not be seen as an increase.
      jobDeadLettered.inc({ name }, 0);
      jobRetries.inc({ name }, 0);
    }
    jobStalled.inc({ queue }, 0);
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
    const trace = this.#open(job, label);
    const seconds = stopwatch();
    let outcome: Outcome = 'failed';
    let fault: unknown;
    try {
      await runInTrace(trace, () => this.#handle(job, lost));
      outcome = 'completed';
    } catch (error) {
      fault = error;
      if (this.#stop.signal.aborted) {
        outcome = 'interrupted';
        await job.moveToDelayed(Date.now(), token);
        throw new DelayedError();
      }
      throw asQueueError(error);
    } finally {
      this.#report(job, { label, outcome, seconds: seconds(), trace, fault });
    }
  }

  /** Counts how long the job has waited, and continues the trace it came with. Every attempt is a span of its own. */
  #open(job: Job<Envelope>, label: string): TraceContext {
    const { queue } = this.#options;
    if (job.attemptsMade > 0) jobRetries.inc({ name: label });
    else jobWait.observe({ name: label }, Math.max(0, Date.now() - job.timestamp) / 1_000);

    const trace = openTrace(`process ${queue}`, job.data.traceparent, SpanKind.CONSUMER);
    trace.span?.setAttributes(this.#attributes(job, label));
    return trace;
  }

  #attributes(job: Job<Envelope>, label: string) {
    return {
      ...messagingAttributes(this.#options.queue, job.id ?? '', label),
      'messaging.operation.type': 'process',
      'capstone.job.attempt': job.attemptsMade + 1,
    };
  }

  /** One line, one observation and one span for each attempt. */
  #report(job: Job<Envelope>, run: Run) {
    const { label, outcome, seconds, trace, fault } = run;
    observeTraced(jobDuration, { name: label, outcome }, seconds, trace);
    const durationMs = Math.round(seconds * 100_000) / 100;
    const about = { job: label, jobId: job.id, attempt: job.attemptsMade + 1, outcome, durationMs };
    this.#options.logger.info({ ...about, traceId: trace.traceId }, 'job');
    if (trace.span || outcome !== 'failed') return closeTrace(trace, fault);
    keepAfterwards(trace, {
      name: `process ${this.#options.queue}`,
      kind: SpanKind.CONSUMER,
      durationMs,
      attributes: this.#attributes(job, label),
      error: 'failed',
    });
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
    jobDeadLettered.inc({ name: isJobName(job.name) ? job.name : 'unknown' });
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

type Outcome = 'completed' | 'failed' | 'interrupted';

interface Run {
  readonly label: string;
  readonly outcome: Outcome;
  readonly seconds: number;
  readonly trace: TraceContext;
  readonly fault: unknown;
}

/** BullMQ keeps the message with the job, so it must be one that may be read by whoever may read the queue. */
function asQueueError(error: unknown): Error {
  if (error instanceof Problem && !error.retryable) return new UnrecoverableError(error.message);
  return error instanceof Error ? error : new Error(String(error));
}

function isJobName(name: string): name is JobName {
  return Object.hasOwn(jobs, name);
}
