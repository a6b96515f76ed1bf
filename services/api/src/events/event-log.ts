import { Inject, Injectable } from '@nestjs/common';
import { Redis, type Result } from 'ioredis';
import { CONFIG } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { QUEUE_REDIS } from '../connections/tokens.js';
import { mayHaveMissed, placeBefore, type StreamState } from './event-place.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    appendEvent(
      stream: string,
      channel: string,
      kept: number,
      keptSeconds: number,
      workspaceId: string,
      name: string,
      data: string,
    ): Result<string, Context>;
  }
}

/** One event as it goes over the wire. `id` is the stream's, and what Last-Event-ID repeats; `data` is JSON. */
export interface LoggedEvent {
  readonly id: string;
  readonly name: string;
  readonly data: string;
}

/** One step, so that whoever hears of an event finds it in the stream. */
const appendScript = `
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'name', ARGV[5], 'data', ARGV[6])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', ARGV[1], cjson.encode({ARGV[4], id, ARGV[5], ARGV[6]}))
return id
`;

/** The channel on which all events of all workspaces are announced to the api processes. */
export function eventChannel(keyPrefix: string): string {
  return `${keyPrefix}:events`;
}

/** The newest events of each workspace, for those who were away for a moment. */
@Injectable()
export class EventLog {
  constructor(
    @Inject(QUEUE_REDIS) private readonly redis: Redis,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    redis.defineCommand('appendEvent', { numberOfKeys: 1, lua: appendScript });
  }

  async append(workspaceId: string, name: string, data: unknown): Promise<void> {
    const { keptSeconds, kept } = this.config.events;
    const channel = eventChannel(this.config.redis.keyPrefix);
    const stream = this.streamOf(workspaceId);
    const text = JSON.stringify(data);
    await this.redis.appendEvent(stream, channel, kept, keptSeconds, workspaceId, name, text);
  }

  /** A place behind everything that has happened so far. */
  async end(workspaceId: string): Promise<string> {
    const [newest] = await this.redis.xrevrange(this.streamOf(workspaceId), '+', '-', 'COUNT', 1);
    return newest?.[0] ?? placeBefore(Date.now());
  }

  /** Everything behind `place`, oldest first; undefined when some of it may be gone. */
  async since(workspaceId: string, place: string): Promise<LoggedEvent[] | undefined> {
    const stream = this.streamOf(workspaceId);
    const state = await this.stateOf(stream);
    const { keptSeconds } = this.config.events;
    if (mayHaveMissed(place, state, Date.now() - keptSeconds * 1_000)) return undefined;

    const entries = await this.redis.xrange(stream, `(${place}`, '+');
    return entries.map(([id, [, name = '', , data = '']]) => ({ id, name, data }));
  }

  private async stateOf(stream: string): Promise<StreamState> {
    if ((await this.redis.exists(stream)) === 0) return { oldestId: undefined, isTrimmed: false };
    const info = (await this.redis.xinfo('STREAM', stream)) as unknown[];
    const valueOf = (name: string) => info[info.indexOf(name) + 1];
    const oldest = valueOf('first-entry') as [string] | null;
    return {
      oldestId: oldest?.[0],
      isTrimmed: Number(valueOf('entries-added')) > Number(valueOf('length')),
    };
  }

  private streamOf(workspaceId: string) {
    return `${this.config.redis.keyPrefix}:events:${workspaceId}`;
  }
}
