import { DatabaseError } from 'pg';
import type { PoolClient, QueryConfig } from 'pg';
import { corkThisTurn } from './cork.js';
import { mustEvict, QueryError, translateDatabaseError } from './database-errors.js';
import { timed } from './queryable.js';
import type { Queryable } from './queryable.js';

/**
 * One open transaction on a connection of its own, made by `Database.transaction` alone. Repository functions that must
 * not run outside one ask for this instead of a Queryable.
 *
 * Each answer that is waited for is a round trip, during which the connection idles and rows stay locked. So `begin` goes
 * out with the first statements, and what is sent without waiting goes out with `commit`. Should `begin` fail, what
 * follows it would run by itself: the connections are read-only outside `begin read write`, so it cannot write.
 */
export class Transaction implements Queryable {
  readonly #client: PoolClient;
  readonly #beginText: string;
  readonly #channels = new Set<string>();
  readonly #sent: Promise<unknown>[] = [];
  #begun: Promise<unknown> | undefined;
  #open = true;
  #broken = false;
  readonly #onError = () => void (this.#broken = true);

  constructor(client: PoolClient, beginText: string) {
    this.#client = client;
    this.#beginText = beginText;
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
    try {
      return (await this.#enqueue(name, text, values)).rows as Row[];
    } catch (error) {
      // Behind a failed statement every other fails for that alone; the reason is the one to tell.
      if (error instanceof QueryError && error.sqlState === '25P02') await Promise.all(this.#sent);
      throw error;
    }
  }

  /**
   * Sends a statement whose rows nobody reads, and does not wait for it. Its failure is thrown by the next query or by the
   * commit, instead of what follows from it.
   */
  send(name: string, text: string, values: readonly unknown[] = []): void {
    this.#assertOpen(name);
    const sent = this.#enqueue(name, text, values);
    // Reported by whoever waits next; nobody does when the work fails for another reason first.
    sent.catch(() => undefined);
    this.#sent.push(sent);
  }

  /** Sends NOTIFY once this transaction has committed, outside of it. May be lost with the process. */
  notifyAfterCommit(channel: string): void {
    this.#channels.add(channel);
  }

  async commit(): Promise<void> {
    this.#open = false;
    if (!this.#begun) return;
    const [{ command }] = await Promise.all([this.#run('commit', 'commit'), ...this.#sent]);
    if (command === 'ROLLBACK') {
      throw new Error('A statement of the transaction failed and its error was not passed on.');
    }
  }

  /** Never throws: closing a broken connection rolls back, too. */
  async rollback(): Promise<void> {
    this.#open = false;
    if (this.#begun && !this.#broken) await this.#run('rollback', 'rollback').catch(this.#onError);
  }

  /** Gives the connection back to its pool, or closes it when it is no longer fit. */
  release(): void {
    this.#client.off('error', this.#onError);
    this.#client.release(this.#broken);
  }

  async #enqueue(name: string, text: string, values: readonly unknown[]) {
    this.#assertOpen(name);
    const begun = (this.#begun ??= this.#begin());
    const statement = this.#run(name, { name, text, values: [...values] });
    const [result] = await Promise.all([statement, begun]);
    return result;
  }

  #assertOpen(name: string) {
    if (!this.#open) throw new Error(`Query ${name} came after its transaction had ended.`);
  }

  #begin() {
    const begun = this.#run('begin', this.#beginText);
    begun.catch(this.#onError);
    return begun;
  }

  #run(name: string, statement: string | QueryConfig) {
    return timed(name, async () => {
      try {
        corkThisTurn(this.#client.connection.stream);
        return await this.#client.query(statement);
      } catch (error) {
        const fault = translateDatabaseError(error, name);
        if (mustEvict(fault) || !(error instanceof DatabaseError)) this.#broken = true;
        throw fault;
      }
    });
  }
}
