import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'pg';
import type { ClientConfig } from 'pg';
import { CommitNotifier } from './commit-notifier.js';
import {
  mustEvict,
  SerializationFailure,
  translateDatabaseError,
  unavailable,
} from './database-errors.js';
import type { Logger } from './log.js';
import { onScrape } from './metric-registry.js';
import { dbPool, dbPoolAcquire, dbPoolLimit, stopwatch } from './metrics.js';
import { PipelinedClient } from './pipelined-client.js';
import { postgresOptions } from './postgres-options.js';
import { Problem } from './problem.js';
import { timed } from './queryable.js';
import type { Queryable } from './queryable.js';
import { Subscription } from './subscription.js';
import { Transaction } from './transaction.js';

export type { Queryable, Subscription, Transaction };
export { ConstraintViolation, isConstraintViolation, QueryError } from './database-errors.js';

const transactionAttempts = 4;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whose rows a query may see. Ids are checked to be UUIDs; row-level security does the rest. */
export interface Scope {
  readonly workspaceId?: string;
  readonly userId?: string;
}

export interface DatabaseOptions {
  readonly url: string;
  readonly caFile?: string | undefined;
  readonly poolSize: number;
  readonly pipelines: number;
  readonly statementTimeoutMs: number;
  readonly applicationName: string;
  readonly logger: Logger;
}

/** Postgres with row-level security: pipelined reads, pooled transactions. Connects on first use and again after a loss. */
export class Database {
  readonly #pipelines: PipelinedClient[];
  readonly #pool: Pool;
  readonly #logger: Logger;
  readonly #connection: ClientConfig;
  /** The tripwire: which transaction is open in the running async context. */
  readonly #current = new AsyncLocalStorage<Transaction>();
  readonly #notifier: CommitNotifier;
  readonly #stopCounting: () => void;

  constructor(options: DatabaseOptions) {
    const connection = (this.#connection = postgresOptions({
      ...options,
      lockTimeoutMs: Math.ceil(options.statementTimeoutMs / 2),
      idleInTransactionTimeoutMs: options.statementTimeoutMs * 3,
    }));
    this.#logger = options.logger;
    this.#pipelines = Array.from(
      { length: options.pipelines },
      () => new PipelinedClient(connection, (err) => this.#lost(err)),
    );
    this.#pool = new Pool({
      ...connection,
      // See Transaction: nothing may be written past a `begin` that failed.
      options: `${connection.options} -c default_transaction_read_only=on`,
      // Several statements of one transaction may be sent at once; pg otherwise warns and queues them.
      pipeline: true,
      max: options.poolSize,
      // Waiting for a connection any longer than its statement may take helps nobody.
      connectionTimeoutMillis: options.statementTimeoutMs,
      idleTimeoutMillis: 60_000,
      maxLifetimeSeconds: 1_800,
    });
    this.#pool.on('error', (err) => this.#lost(err));
    this.#notifier = new CommitNotifier(this.unscoped, options.logger);
    dbPoolLimit.set(options.poolSize);
    this.#stopCounting = onScrape(() => this.#countConnections());
  }

  /**
   * Reads with the rights of `scope`. Each query is a read-only transaction of its own, sent as one flight of three
   * messages. Throws when a transaction is open in this async context.
   */
  read(scope: Scope): Queryable {
    const around = { before: `begin read only${settings(scope)}`, after: 'commit' };
    return {
      query: async <Row>(name: string, text: string, values: readonly unknown[] = []) =>
        (await this.#pipelined({ name, text, values: [...values] }, around)) as Row[],
    };
  }

  /** Single statements with no scope, each committed by itself. For tables without a workspace. */
  readonly unscoped: Queryable = {
    query: async <Row>(name: string, text: string, values: readonly unknown[] = []) =>
      (await this.#pipelined({ name, text, values: [...values] })) as Row[],
  };

  /**
   * Runs `work` in one read-committed transaction with the rights of `scope`. When Postgres rolls it back because of a
   * rival (40001, 40P01), `work` runs again, so it must do nothing that cannot be undone. Transactions do not nest.
   */
  async transaction<T>(scope: Scope, work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.#refuseInsideTransaction('transaction');
    const begin = `begin read write${settings(scope)}`;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(begin, work);
      } catch (error) {
        if (!(error instanceof SerializationFailure)) throw error;
        if (attempt === transactionAttempts) throw new Problem('conflict', { cause: error });
        await delay(Math.random() * 20 * 2 ** attempt);
      }
    }
  }

  /** Calls back for each NOTIFY on the channel, and after each reconnect: then some may have been missed. */
  listen(channel: string, onNotify: () => void): Subscription {
    return new Subscription(this.#connection, channel, onNotify, this.#logger);
  }

  /** Resolves when Postgres answers. */
  async ping(): Promise<void> {
    await this.unscoped.query('ping', 'select 1');
  }

  /** Finishes what is in flight, then closes every connection. */
  async close(): Promise<void> {
    await Promise.all([this.#pool.end(), ...this.#pipelines.map((pipeline) => pipeline.close())]);
    this.#stopCounting();
  }

  async #pipelined(
    statement: { name: string; text: string; values: unknown[] },
    around?: { before: string; after: string },
  ) {
    this.#refuseInsideTransaction(statement.name);
    const pipeline = this.#pipelines.reduce((a, b) => (b.inFlight < a.inFlight ? b : a));
    return timed(statement.name, async () => {
      try {
        return await pipeline.run(statement, around);
      } catch (error) {
        const fault = translateDatabaseError(error, statement.name);
        // In our own read-only transaction 25006 is a write that does not belong there, not a fail-over.
        const ownReadOnly = around && (fault as { sqlState?: string }).sqlState === '25006';
        if (mustEvict(fault) && !ownReadOnly) pipeline.evict();
        throw fault;
      }
    });
  }

  async #attempt<T>(begin: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const tx = new Transaction(await this.#checkout(), begin);
    try {
      const result = await this.#current.run(tx, () => work(tx));
      await tx.commit();
      this.#notifier.notify(tx.channels);
      return result;
    } catch (error) {
      await tx.rollback();
      throw error;
    } finally {
      tx.release();
    }
  }

  async #checkout() {
    const seconds = stopwatch();
    try {
      return await this.#pool.connect();
    } catch (error) {
      // pg-pool 3 tells the two apart by their text alone.
      const full = error instanceof Error && error.message.startsWith('timeout exceeded');
      throw full ? new Problem('overloaded', { cause: error }) : unavailable(error);
    } finally {
      dbPoolAcquire.observe(seconds());
    }
  }

  #countConnections() {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    dbPool.set({ state: 'total' }, totalCount);
    dbPool.set({ state: 'idle' }, idleCount);
    dbPool.set({ state: 'waiting' }, waitingCount);
  }

  #refuseInsideTransaction(what: string) {
    if (!this.#current.getStore()?.isOpen) return;
    throw new Error(`${what} was sent past the transaction that is open here: use its handle.`);
  }

  #lost(err: unknown) {
    this.#logger.warn({ err }, 'lost a connection to postgres');
  }
}

/** The ids become part of a statement's text: SET takes no parameters. So nothing but a UUID may pass. */
function settings(scope: Scope) {
  return setLocal('workspace_id', scope.workspaceId) + setLocal('user_id', scope.userId);
}

function setLocal(name: string, id: string | undefined) {
  if (id === undefined) return '';
  if (!uuid.test(id)) throw new TypeError(`The scope's ${name} is not a UUID.`);
  return `; set local app.${name} = '${id}'`;
}
