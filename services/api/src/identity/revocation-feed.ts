import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { RevocationEntry, revocationStream } from '@capstone/contracts/revocations';
import type { Logger } from '@capstone/platform/log';
import type { Revocations } from './revocations.js';

interface Listed {
  readonly kind: string;
  readonly id: string;
  readonly epoch?: number | undefined;
}

export interface RevocationFeedOptions {
  readonly revocations: Revocations;
  /** Of its own: reading blocks. */
  readonly redis: Redis;
  readonly keyPrefix: string;
  readonly listRevocations: () => Promise<readonly Listed[]>;
  readonly logger: Logger;
}

const blockMs = 1_000;
const mostEntries = 1_000;
const retryMs = 1_000;
/** Redis answers sooner than this, or counts as lost. */
const patienceMs = 1_500;
/** One heartbeat was missed. */
const overdueMs = 3_000;

/**
 * Follows auth's revocations. It begins, and begins again after every loss, by noting where the stream ends and asking
 * auth for the whole list; from there the stream tells the rest within milliseconds. auth is the truth and the stream only
 * makes it quick: while Redis is away, or silent, auth is asked every second.
 */
export class RevocationFeed {
  private readonly stream: string;
  private place: string | undefined;
  private stopped = false;
  private failing = false;
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
        // Silence may be a writer that cannot reach Redis, or a place that lies behind the end of a restored stream.
        if (this.place === undefined || this.options.revocations.silentMs > overdueMs) {
          this.place = await this.catchUp();
        }
        await this.readOn(this.place);
      } catch (error) {
        if (this.stopped) return;
        this.place = undefined;
        this.report(error);
        await delay(retryMs);
      }
    }
  }

  /** Asks auth in any case; throws afterwards when the stream cannot be read. */
  private async catchUp(): Promise<string> {
    const [end] = await Promise.allSettled([this.endOfStream()]);
    for (const revocation of await this.options.listRevocations()) this.learn(revocation);
    this.options.revocations.confirm();
    if (end.status === 'rejected') throw end.reason;
    this.report(undefined);
    return end.value;
  }

  private async endOfStream(): Promise<string> {
    const { redis } = this.options;
    if (redis.status !== 'ready') {
      await once(redis, 'ready', { signal: AbortSignal.timeout(patienceMs) });
    }
    const newest = redis.xrevrange(this.stream, '+', '-', 'COUNT', 1);
    const [last] = await this.within(patienceMs, newest);
    return last?.[0] ?? '0-0';
  }

  private learn({ kind, id, epoch }: Listed) {
    const { revocations } = this.options;
    if (kind === 'roles') revocations.addRoles(id, epoch ?? 0);
    else if (kind === 'session' || kind === 'key' || kind === 'api-key') revocations.add(kind, id);
  }

  /** A Redis that hangs is taken for one that is gone. */
  private async within<T>(limitMs: number, answer: Promise<T>): Promise<T> {
    const gone = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.options.redis.disconnect(true);
      gone.reject(new Error(`Redis was silent for ${limitMs} ms`));
    }, limitMs);
    try {
      return await Promise.race([answer, gone.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Its loss once, and its return. */
  private report(error: unknown) {
    const { logger } = this.options;
    const failing = error !== undefined;
    if (failing && !this.failing) logger.warn({ err: error }, 'the revocation stream is lost');
    if (!failing && this.failing) logger.info('the revocation stream is read again');
    this.failing = failing;
  }

  private async readOn(place: string) {
    const { redis, revocations, logger } = this.options;
    const answer = await this.within(
      blockMs + patienceMs,
      redis.xread('COUNT', mostEntries, 'BLOCK', blockMs, 'STREAMS', this.stream, place),
    );
    const entries = answer?.[0]?.[1] ?? [];
    let heartbeat = false;
    for (const [, fields] of entries) {
      const entry = RevocationEntry.safeParse(toObject(fields));
      if (!entry.success) logger.error('an entry of the revocation stream is not valid');
      else if (entry.data.kind === 'heartbeat') heartbeat = true;
      else this.learn(entry.data);
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
