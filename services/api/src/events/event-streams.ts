import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import { membershipId } from '@capstone/contracts/revocations';
import { becomeStream } from '@capstone/platform/http-edge';
import type { Logger } from '@capstone/platform/log';
import type { Principal } from '@capstone/platform/principal';
import { Problem } from '@capstone/platform/problem';
import { connectRedis, disconnectRedis } from '@capstone/platform/redis';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { Revocations } from '../identity/revocations.js';
import { eventStreams } from '../metrics.js';
import { EventLog, eventChannel, type LoggedEvent } from './event-log.js';
import { isPlace } from './event-place.js';
import { EventStream } from './event-stream.js';

/** How soon a stream ends after its token did. Revocations end it at once. */
const checkEveryMs = 1_000;

/** The open streams of this process, and the one subscription that feeds them all. */
@Injectable()
export class EventStreams implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly streams = new Set<EventStream>();
  private readonly subscriber: Redis;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: EventLog,
    private readonly revocations: Revocations,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) logger: Logger,
  ) {
    const { queueUrl, caFile } = config.redis;
    this.subscriber = connectRedis({ url: queueUrl, caFile, name: 'api-events', logger });
  }

  async onApplicationBootstrap() {
    this.subscriber.on('message', (_channel, message: string) => this.announce(message));
    // What is published while we are away is lost here and kept in the log: clients come back and resume there.
    this.subscriber.on('close', () => this.endAll());
    this.revocations.onRevoked((kind, id) => {
      if (kind === 'session') this.endWhere(({ caller }) => caller.sessionId === id);
      if (kind === 'api-key') {
        this.endWhere(({ caller }) => caller.kind === 'api-key' && caller.apiKeyId === id);
      }
      if (kind === 'roles') {
        this.endWhere(({ caller }) => membershipId(caller.workspaceId, caller.userId) === id);
      }
    });
    this.timer = setInterval(() => this.check(), checkEveryMs).unref();
    await this.subscriber.subscribe(eventChannel(this.config.redis.keyPrefix));
  }

  async onModuleDestroy() {
    clearInterval(this.timer);
    this.endAll();
    await disconnectRedis(this.subscriber);
  }

  /**
   * Answers with the events of the caller's workspace until the token ends. With a Last-Event-ID it first sends what came
   * behind that, or `reset` when that is not known any more: the client then reads everything anew.
   */
  async open(caller: Principal, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    this.assertRoom(caller);
    const lastId = request.headers['last-event-id'];
    const stream = new EventStream(caller, request.tokenExpiresAtMs);
    this.streams.add(stream);
    try {
      const { place, missed } = await this.resume(caller.workspaceId, lastId);
      becomeStream(request);
      stream.start(reply, { place, missed, onClose: () => this.forget(stream) });
      eventStreams.set(this.streams.size);
    } catch (error) {
      this.forget(stream);
      throw error;
    }
  }

  /** From now on the stream is collecting; what it collects twice it sends once. */
  private async resume(workspaceId: string, lastId: string | string[] | undefined) {
    if (lastId === undefined) return { place: await this.log.end(workspaceId), missed: [] };
    const known = typeof lastId === 'string' && isPlace(lastId);
    const missed = known ? await this.log.since(workspaceId, lastId) : undefined;
    if (known && missed) return { place: lastId, missed };
    return { place: await this.log.end(workspaceId), missed: 'unknown' as const };
  }

  private announce(message: string) {
    const [workspaceId, id = '', name = '', data = ''] = JSON.parse(message) as string[];
    const event: LoggedEvent = { id, name, data };
    for (const stream of this.streams) {
      if (stream.caller.workspaceId === workspaceId) stream.send(event);
    }
  }

  private check() {
    const isLost = this.revocations.freshness === 'lost';
    const now = Date.now();
    this.endWhere((stream) => isLost || stream.expiresAtMs <= now);
    for (const stream of this.streams) stream.keepAlive(now);
  }

  private assertRoom({ userId }: Principal) {
    const { maxStreams, maxStreamsPerUser } = this.config.events;
    if (this.streams.size >= maxStreams) throw new Problem('overloaded', { retryAfterSeconds: 5 });
    let own = 0;
    for (const stream of this.streams) own += stream.caller.userId === userId ? 1 : 0;
    if (own >= maxStreamsPerUser) {
      throw new Problem('rate-limited', {
        detail: `At most ${maxStreamsPerUser} event streams at a time.`,
        retryAfterSeconds: 5,
      });
    }
  }

  private endAll() {
    this.endWhere(() => true);
  }

  private endWhere(condition: (stream: EventStream) => boolean) {
    for (const stream of this.streams) if (condition(stream)) stream.end();
  }

  private forget(stream: EventStream) {
    this.streams.delete(stream);
    eventStreams.set(this.streams.size);
  }
}
