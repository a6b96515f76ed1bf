import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from './log.js';
import type { Queryable } from './queryable.js';

/** After each NOTIFY. The first after a quiet time goes out at once; a burst costs a hundred a second, not one each. */
const pauseMs = 10;

/**
 * Sends NOTIFY for committed transactions, one at a time and process however many commit: every notifying commit of the
 * server takes the same lock, which is also why NOTIFY is not part of the transactions themselves.
 */
export class CommitNotifier {
  readonly #channels = new Set<string>();
  #sending = false;

  constructor(
    private readonly db: Queryable,
    private readonly logger: Logger,
  ) {}

  /** Returns at once. What is asked for while a NOTIFY is under way goes out with the next one. */
  notify(channels: Iterable<string>): void {
    for (const channel of channels) this.#channels.add(channel);
    if (!this.#sending) void this.#send();
  }

  async #send() {
    this.#sending = true;
    while (this.#channels.size > 0) {
      const channels = [...this.#channels];
      this.#channels.clear();
      try {
        await this.db.query(
          'notify',
          `select pg_notify(channel, '') from unnest($1::text[]) as channel`,
          [channels],
        );
      } catch (err) {
        this.logger.debug({ err, channels }, 'notify failed, polling will find the rows');
      }
      await delay(pauseMs);
    }
    this.#sending = false;
  }
}
