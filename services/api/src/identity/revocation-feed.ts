import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { RevocationEntry, revocationStream } from '@capstone/contracts/revocations';
import type { Logger } from '@capstone/platform/log';
import type { Revocations } from './revocations.js';

export interface RevocationFeedOptions {
  readonly revocations: Revocations;
  /** Of its own: reading blocks. */
  readonly redis: Redis;
  readonly keyPrefix: string;
  readonly listRevocations: () => Promise<readonly { kind: string; id: string }[]>;
  readonly logger: Logger;
}

const blockMs = 1_000;
const mostEntries = 1_000;
const retryMs = 1_000;

/**
 * Follows auth's revocations. It begins, and begins again after every loss, by noting where the stream ends and asking
 * auth for the whole list; from there the stream tells the rest within milliseconds.
 */
export class RevocationFeed {
  private readonly stream: string;
  private place: string | undefined;
  private stopped = false;
  private running: Promise<void> | undefined;

  constructor(private readonly options: RevocationFeedOptions) {
    this.stream = revocationStream(options.keyPrefix);
    // ioredis reads on by itself after a reconnect, past whatever a restarted Redis has lost meanwhile.
    options.redis.on('close', () => (this.place = undefined));
  }

  start(): void {
    this.running = this.follow();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.options.redis.disconnect();
    await this.running;
  }

  private async follow() {
    while (!this.stopped) {
      try {
        // A place that lies behind the end of a restored stream would wait for ever; silence is how that shows.
        if (this.place === undefined || this.options.revocations.freshness !== 'fresh') {
          this.place = await this.catchUp();
        }
        await this.readOn(this.place);
      } catch (error) {
        if (this.stopped) return;
        this.place = undefined;
        this.options.logger.warn({ err: error }, 'revocations cannot be followed right now');
        await delay(retryMs);
      }
    }
  }

  private async catchUp(): Promise<string> {
    const { redis, revocations, listRevocations } = this.options;
    const [last] = await redis.xrevrange(this.stream, '+', '-', 'COUNT', 1);
    for (const { kind, id } of await listRevocations()) {
      if (kind === 'session' || kind === 'key') revocations.add(kind, id);
    }
    revocations.confirm();
    return last?.[0] ?? '0-0';
  }

  private async readOn(place: string) {
    const { redis, revocations, logger } = this.options;
    const answer = await redis.xread(
      'COUNT',
      mostEntries,
      'BLOCK',
      blockMs,
      'STREAMS',
      this.stream,
      place,
    );
    const entries = answer?.[0]?.[1] ?? [];
    let heartbeat = false;
    for (const [, fields] of entries) {
      const entry = RevocationEntry.safeParse(toObject(fields));
      if (!entry.success) logger.error('an entry of the revocation stream is not valid');
      else if (entry.data.kind === 'heartbeat') heartbeat = true;
      else revocations.add(entry.data.kind, entry.data.id);
    }
    // Lost meanwhile: what was read counts, but the next step is to catch up.
    if (this.place === undefined) return;
    this.place = entries.at(-1)?.[0] ?? place;
    // In a full batch the heartbeat may be an old one, with revocations still to come behind it.
    if (heartbeat && entries.length < mostEntries) revocations.confirm();
  }
}

function toObject(fields: readonly string[]) {
  const pairs = fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1]]] : []));
  return Object.fromEntries(pairs) as Record<string, string>;
}
