import { setTimeout as delay } from 'node:timers/promises';
import { events } from '@capstone/contracts/events';
import type { EventData, EventName } from '@capstone/contracts/events';
import { jobs } from '@capstone/contracts/jobs';
import type { z } from 'zod';
import type { Database, Subscription } from './database.js';
import type { Logger } from './log.js';
import { outboxHeld, outboxLag, outboxRelayed } from './metrics.js';
import { outboxChannel } from './outbox.js';
import type { OutboxSchema } from './outbox.js';
import { Problem } from './problem.js';
import type { JobQueues, NewJob } from './queue.js';
import { isRedisUnavailable } from './redis.js';

export interface OutboxRelayOptions {
  readonly database: Database;
  readonly schema: OutboxSchema;
  readonly queues: JobQueues;
  /** May be called again with the same id for an event that is already out. */
  readonly publishEvent: <Name extends EventName>(
    workspaceId: string,
    id: string,
    name: Name,
    data: EventData<Name>,
  ) => Promise<void>;
  readonly logger: Logger;
  /** How long a row may wait when its notification was lost. */
  readonly pollMs?: number;
}

interface OutboxRow {
  readonly id: string;
  readonly kind: 'job' | 'event';
  readonly name: string;
  readonly payload: unknown;
  readonly traceparent: string | null;
}

interface Outcome {
  readonly row: OutboxRow;
  readonly error?: unknown;
}

const batchRows = 500;
/** Between two looks. The first row of a quiet time goes out at once; of many, each look takes what came meanwhile. */
const pauseMs = 20;
/** Less than the time between two polls, so that each of those measures. */
const measureLagEveryMs = 500;
const defaultPollMs = 1_000;
const longestHoldMs = 300_000;
const knownNames = [...Object.keys(jobs), ...Object.keys(events)];

/**
 * Hands committed outbox rows on, oldest first and at least once. Any number may run beside each other: each locks what it
 * takes. While the queue cannot be reached rows wait; a row that cannot be delivered for a reason of its own is left
 * aside for a while and does not hold up the others.
 */
export class OutboxRelay {
  readonly #options: OutboxRelayOptions;
  readonly #held = new Map<string, { holdMs: number; untilMs: number }>();
  #subscription: Subscription | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wanted = false;
  #running: Promise<void> | undefined;
  #stopped = false;
  #failing = false;
  #lagMeasuredAt = -Infinity;

  constructor(options: OutboxRelayOptions) {
    this.#options = options;
  }

  /** Begins to relay; never throws, whatever is down. */
  start(): void {
    const { database, schema, pollMs = defaultPollMs } = this.#options;
    this.#subscription = database.listen(outboxChannel(schema), () => this.wake());
    this.#timer = setInterval(() => this.wake(), pollMs);
    this.wake();
  }

  /** Looks for rows now. Many calls in a row cost one look. */
  wake(): void {
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  /** Finishes the batch under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#subscription?.close();
    await this.#running;
  }

  async #run() {
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      try {
        const more = await this.#relayBatch();
        // Only ever set: a wake-up that came during the batch must not be forgotten.
        if (more) this.#wanted = true;
        this.#report();
        if (!more && !this.#stopped) await delay(pauseMs);
      } catch (err) {
        this.#report(err);
      }
      await this.#measureLag();
    }
    // In the same tick as the last look at `wanted`, so that no wake-up falls in between.
    this.#running = undefined;
  }

  /** A failure is logged once, and so is its end. */
  #report(err?: unknown) {
    const { logger, schema } = this.#options;
    const failing = err !== undefined;
    if (failing === this.#failing) return;
    this.#failing = failing;
    if (failing) logger.warn({ err, schema }, 'outbox cannot be relayed');
    else logger.info({ schema }, 'outbox is relayed again');
  }

  /**
   * Delivers inside the transaction that holds the rows and deletes them there: a crash in between delivers them again
   * under the same ids. Resolves to whether there may be more.
   */
  async #relayBatch() {
    const { database, schema } = this.#options;
    const { more, failure } = await database.transaction({}, async (tx) => {
      const rows = await tx.query<OutboxRow>(
        `${schema}_outbox_take`,
        // A name that is not known here is left to the release that knows it.
        `select id, kind, name, payload, traceparent
         from ${schema}.outbox
         where name = any($1::text[])
           and id <> all($2::uuid[])
         order by id
         limit $3
         for update skip locked`,
        [knownNames, this.#heldIds(), batchRows],
      );
      const { delivered, failure: cause } = await this.#deliver(rows);
      if (delivered.length > 0) {
        tx.send(
          `${schema}_outbox_delete`,
          `delete from ${schema}.outbox where id = any($1::uuid[])`,
          [delivered],
        );
      }
      return { more: rows.length === batchRows, failure: cause };
    });
    if (failure) throw failure;
    return more;
  }

  async #deliver(rows: readonly OutboxRow[]) {
    const jobRows = rows.filter((row) => row.kind === 'job');
    const eventRows = rows.filter((row) => row.kind === 'event');
    const outcomes = await Promise.all([
      this.#sendJobs(jobRows),
      ...eventRows.map((row) => this.#sendEvent(row)),
    ]);

    const delivered: string[] = [];
    let failure: unknown;
    for (const { row, error } of outcomes.flat()) {
      if (error === undefined) delivered.push(row.id);
      else if (isUnavailable(error)) failure = error;
      else this.#hold(row, error);
    }
    return { delivered, failure };
  }

  /** All at once; one by one when one of them is at fault. */
  async #sendJobs(rows: readonly OutboxRow[]): Promise<Outcome[]> {
    if (rows.length === 0) return [];
    try {
      await this.#options.queues.addMany(rows.map(toJob));
      return rows.map((row) => this.#sent(row));
    } catch (error) {
      if (rows.length === 1 || isUnavailable(error)) return rows.map((row) => ({ row, error }));
      return (await Promise.all(rows.map((row) => this.#sendJobs([row])))).flat();
    }
  }

  async #sendEvent(row: OutboxRow): Promise<Outcome[]> {
    try {
      const { workspaceId, data } = row.payload as { workspaceId: string; data: unknown };
      const name = row.name as EventName;
      const event = (events[name] as z.ZodType<EventData<typeof name>>).parse(data);
      await this.#options.publishEvent(workspaceId, row.id, name, event);
      return [this.#sent(row)];
    } catch (error) {
      return [{ row, error }];
    }
  }

  #sent(row: OutboxRow): Outcome {
    outboxRelayed.inc({ schema: this.#options.schema, kind: row.kind });
    this.#held.delete(row.id);
    return { row };
  }

  #hold(row: OutboxRow, err: unknown) {
    const { logger, pollMs = defaultPollMs } = this.#options;
    const holdMs = Math.min(longestHoldMs, 2 * (this.#held.get(row.id)?.holdMs ?? pollMs));
    this.#held.set(row.id, { holdMs, untilMs: Date.now() + holdMs });
    logger.error({ err, outboxId: row.id, name: row.name, holdMs }, 'outbox row held back');
  }

  /** Rows to leave alone now. What has not come back long after its time was taken by another relay. */
  #heldIds() {
    const now = Date.now();
    for (const [id, { untilMs }] of this.#held) {
      if (untilMs + longestHoldMs < now) this.#held.delete(id);
    }
    return [...this.#held].filter(([, { untilMs }]) => untilMs > now).map(([id]) => id);
  }

  /** Also while nothing can be relayed: that is when it matters. */
  async #measureLag() {
    const { database, schema } = this.#options;
    if (performance.now() - this.#lagMeasuredAt < measureLagEveryMs) return;
    this.#lagMeasuredAt = performance.now();
    try {
      const [oldest] = await database.unscoped.query<{ ageSeconds: number }>(
        `${schema}_outbox_lag`,
        `select extract(epoch from clock_timestamp() - created_at)::float8 as "ageSeconds"
         from ${schema}.outbox
         order by id
         limit 1`,
      );
      outboxLag.set({ schema }, oldest?.ageSeconds ?? 0);
      outboxHeld.set({ schema }, this.#held.size);
    } catch (err) {
      this.#report(err);
    }
  }
}

function toJob({ id, name, payload, traceparent }: OutboxRow) {
  return { id, name, payload, traceparent: traceparent ?? undefined } as NewJob;
}

function isUnavailable(error: unknown) {
  return isRedisUnavailable(error) || (error instanceof Problem && error.retryable);
}
