import { events } from '@capstone/contracts/events';
import type { EventData, EventName } from '@capstone/contracts/events';
import { jobs } from '@capstone/contracts/jobs';
import type { JobName, JobPayload } from '@capstone/contracts/jobs';
import { v7 as uuidv7 } from 'uuid';
import type { Transaction } from './database.js';
import { currentTraceparent } from './tracing.js';

/** The schemas that have an `outbox` table; its owner runs the relay. */
export type OutboxSchema = 'app' | 'auth';

/** The channel on which commits with outbox rows are announced. */
export function outboxChannel(schema: OutboxSchema): string {
  return `${schema}_outbox`;
}

/**
 * Says something to the world exactly when the transaction commits. The row carries the trace and wakes the relay; its id
 * becomes the job's. Throws ZodError for contents that the contract does not know.
 */
export class Outbox {
  constructor(private readonly schema: OutboxSchema) {}

  /** A job for the workers. */
  job<Name extends JobName>(tx: Transaction, name: Name, payload: JobPayload<Name>): void {
    this.#insert(tx, 'job', name, jobs[name].payload.parse(payload));
  }

  /** An event for whoever listens in the workspace. */
  event<Name extends EventName>(
    tx: Transaction,
    workspaceId: string,
    name: Name,
    data: EventData<Name>,
  ): void {
    this.#insert(tx, 'event', name, { workspaceId, data: events[name].parse(data) });
  }

  #insert(tx: Transaction, kind: 'job' | 'event', name: string, payload: object) {
    tx.send(
      `${this.schema}_outbox_insert`,
      `insert into ${this.schema}.outbox (id, kind, name, payload, traceparent)
       values ($1, $2, $3, $4, $5)`,
      [uuidv7(), kind, name, payload, currentTraceparent() ?? null],
    );
    tx.notifyAfterCommit(outboxChannel(this.schema));
  }
}
