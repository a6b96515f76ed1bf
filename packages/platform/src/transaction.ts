import { DatabaseError } from 'pg';
import type { PoolClient, QueryConfig } from 'pg';
import { mustEvict, translateDatabaseError } from './database-errors.js';
import { timed } from './queryable.js';
import type { Queryable } from './queryable.js';

/**
 * One open transaction on a connection of its own, made by `Database.transaction` alone. Repository functions that must
 * not run outside one ask for this instead of a Queryable.
 */
export class Transaction implements Queryable {
  readonly #client: PoolClient;
  readonly #channels = new Set<string>();
  #open = true;
  #broken = false;
  readonly #onError = () => void (this.#broken = true);

  constructor(client: PoolClient) {
    this.#client = client;
    // pg-pool listens to idle connections only; the loss of this one would otherwise end the process.
    client.on('error', this.#onError);
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Where to send NOTIFY after the commit. */
  get channels(): ReadonlySet<string> {
    return this.#channels;
  }

  async query<Row>(name: string, text: string, values: readonly unknown[] = []): Promise<Row[]> {
    if (!this.#open) throw new Error(`Query ${name} came after its transaction had ended.`);
    const { rows } = await this.#run(name, { name, text, values: [...values] });
    return rows as Row[];
  }

  /** Sends NOTIFY once this transaction has committed, outside of it. May be lost with the process. */
  notifyAfterCommit(channel: string): void {
    this.#channels.add(channel);
  }

  async begin(text: string): Promise<void> {
    await this.#run('begin', text);
  }

  async commit(): Promise<void> {
    this.#open = false;
    const { command } = await this.#run('commit', 'commit');
    if (command === 'ROLLBACK') {
      throw new Error('A statement of the transaction failed and its error was not passed on.');
    }
  }

  /** Never throws: closing a broken connection rolls back, too. */
  async rollback(): Promise<void> {
    this.#open = false;
    if (!this.#broken) await this.#run('rollback', 'rollback').catch(this.#onError);
  }

  /** Gives the connection back to its pool, or closes it when it is no longer fit. */
  release(): void {
    this.#client.off('error', this.#onError);
    this.#client.release(this.#broken);
  }

  #run(name: string, statement: string | QueryConfig) {
    return timed(name, async () => {
      try {
        return await this.#client.query(statement);
      } catch (error) {
        const fault = translateDatabaseError(error, name);
        if (mustEvict(fault) || !(error instanceof DatabaseError)) this.#broken = true;
        throw fault;
      }
    });
  }
}
