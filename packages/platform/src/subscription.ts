import { setTimeout as delay } from 'node:timers/promises';
import { Client, escapeIdentifier } from 'pg';
import type { ClientConfig } from 'pg';
import type { Logger } from './log.js';

/** Fast enough that a wake-up is missed for a moment only, slow enough for a server that is down. */
const reconnectMs = 1_000;

/**
 * LISTEN on a connection of its own, for ever: it is opened again after a loss. Notifications sent in between are gone,
 * so `onNotify` is called after every connect, too.
 */
export class Subscription {
  readonly #closing = new AbortController();
  #client: Client | undefined;

  constructor(
    private readonly connection: ClientConfig,
    private readonly channel: string,
    private readonly onNotify: () => void,
    private readonly logger: Logger,
  ) {
    void this.#listenForever();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#client?.end().catch(() => undefined);
  }

  async #listenForever() {
    const { signal } = this.#closing;
    let failing = false;
    while (!signal.aborted) {
      const client = new Client(this.connection);
      this.#client = client;
      const ended = new Promise((resolve) => client.once('end', resolve));
      client.on('error', () => undefined);
      client.on('notification', () => this.onNotify());
      try {
        await client.connect();
        await client.query(`listen ${escapeIdentifier(this.channel)}`);
        failing = false;
        this.onNotify();
        await ended;
      } catch (err) {
        if (!failing) this.logger.warn({ err, channel: this.channel }, 'cannot listen to postgres');
        failing = true;
        await client.end().catch(() => undefined);
      }
      await delay(reconnectMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
