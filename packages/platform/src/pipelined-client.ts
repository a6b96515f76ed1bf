import { Client } from 'pg';
import type { ClientConfig, QueryConfig } from 'pg';
import { corkThisTurn } from './cork.js';
import { unavailable } from './database-errors.js';

/** Fail fast for this long after a connection attempt failed, so that a dead server costs callers no waiting. */
const reconnectPauseMs = 250;

/** One message of a flight. `name` makes it a prepared statement. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values?: unknown[];
}

/**
 * One connection on which queries are sent without waiting for earlier answers. Opens on first use and opens again after
 * a loss; what was in flight then fails, because nobody knows whether it ran.
 */
export class PipelinedClient {
  #client: Client | undefined;
  #opening: Promise<Client> | undefined;
  #failure: { error: unknown; untilMs: number } | undefined;
  #closed = false;
  inFlight = 0;

  constructor(
    private readonly options: ClientConfig,
    private readonly onLost: (error: unknown) => void,
  ) {}

  /**
   * Rows of `statement`, run between `before` and `after` when they are given. Rejects with what pg throws, or with
   * Problem `dependency-unavailable` when it cannot connect.
   */
  async run(statement: Statement, around?: { before: string; after: string }): Promise<unknown[]> {
    this.inFlight += 1;
    try {
      return await send(this.#client ?? (await this.#open()), statement, around);
    } finally {
      this.inFlight -= 1;
    }
  }

  /** Lets what is in flight finish and opens a fresh connection for what comes next. */
  evict() {
    const client = this.#client;
    this.#client = undefined;
    void client?.end();
  }

  /** Waits for what is in flight. */
  async close() {
    this.#closed = true;
    const client = this.#client ?? (await this.#opening?.catch(() => undefined));
    this.#client = undefined;
    await client?.end();
  }

  #open(): Promise<Client> {
    if (this.#closed) return Promise.reject(new Error('The database is closed.'));
    if (this.#failure && this.#failure.untilMs > Date.now()) {
      return Promise.reject(this.#failure.error);
    }
    this.#opening ??= this.#connect().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #connect() {
    const client = new Client({ ...this.options, pipeline: true });
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, new Error('Connection ended')));
    try {
      await client.connect();
    } catch (cause) {
      const error = unavailable(cause);
      this.#failure = { error, untilMs: Date.now() + reconnectPauseMs };
      throw error;
    }
    this.#failure = undefined;
    if (!this.#closed) this.#client = client;
    return client;
  }

  #lost(client: Client, error: unknown) {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.onLost(error);
  }
}

/**
 * All messages are enqueued in one tick, so nothing can come between them. Callbacks, not promises: this is every read of
 * the system. The answer does not wait for `after`; the connection's next query does.
 */
function send(client: Client, statement: Statement, around?: { before: string; after: string }) {
  corkThisTurn(client.connection.stream);
  return new Promise<unknown[]>((resolve, reject) => {
    const onlyFailure = (error: Error | null) => error && reject(error);
    if (around) client.query(around.before, onlyFailure);
    client.query(statement as QueryConfig, (error: Error | null, result) =>
      error ? reject(error) : resolve(result.rows as unknown[]),
    );
    if (around) client.query(around.after, onlyFailure);
  });
}
