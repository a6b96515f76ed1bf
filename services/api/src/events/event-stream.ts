import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Principal } from '@capstone/platform/principal';
import type { LoggedEvent } from './event-log.js';
import { isBefore } from './event-place.js';

interface StreamStart {
  readonly place: string;
  /** What came behind the client's Last-Event-ID, or that this is not known any more. */
  readonly missed: readonly LoggedEvent[] | 'unknown';
  readonly onClose: () => void;
}

/** A client that reads this much slower than events come is cut off; it resumes where it was. */
const mostBufferedBytes = 65_536;
const keepAliveMs = 15_000;

/** One client's stream of events (WHATWG HTML, server-sent events). Collects until it is started, then sends. */
export class EventStream {
  private response: ServerResponse | undefined;
  private readonly collected: LoggedEvent[] = [];
  private place = '';
  private writtenAtMs = Date.now();
  private ended = false;

  constructor(
    readonly caller: Principal,
    readonly expiresAtMs: number,
  ) {}

  start(reply: FastifyReply, { place, missed, onClose }: StreamStart): void {
    reply.headers({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    reply.hijack();
    reply.raw.once('close', onClose);
    reply.raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders);
    // The end came while the past was being looked up, or nothing but the head was wanted.
    if (this.ended || reply.request.method === 'HEAD') return void reply.raw.end();

    this.response = reply.raw;
    this.place = place;
    // An id without data only sets where the client resumes.
    this.write(`retry: ${retryMs()}\nid: ${place}\n\n`);
    if (missed === 'unknown') this.write(`event: reset\nid: ${place}\ndata: {}\n\n`);
    else for (const event of missed) this.send(event);
    for (const event of this.collected) this.send(event);
  }

  send(event: LoggedEvent): void {
    if (!this.response) {
      this.collected.push(event);
      return;
    }
    if (!isBefore(this.place, event.id)) return;
    this.place = event.id;
    this.write(`id: ${event.id}\nevent: ${event.name}\ndata: ${event.data}\n\n`);
  }

  keepAlive(nowMs: number): void {
    if (nowMs - this.writtenAtMs >= keepAliveMs) this.write(':\n\n');
  }

  end(): void {
    this.ended = true;
    this.response?.end();
  }

  private write(text: string) {
    if (!this.response || this.ended) return;
    this.writtenAtMs = Date.now();
    this.response.write(text);
    if (this.response.writableLength > mostBufferedBytes) this.response.destroy();
  }
}

/** Spread, so that a restart is not answered by everybody at once. */
function retryMs() {
  return 1_000 + Math.floor(Math.random() * 2_000);
}
