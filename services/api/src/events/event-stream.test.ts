import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { describe, expect, test } from 'vitest';
import type { Principal } from '@capstone/platform/principal';
import { EventStream } from './event-stream.js';

/** As much of a reply as a stream touches; what it sends can be read from `sent`. */
function fakeReply(method = 'GET') {
  const raw = Object.assign(new PassThrough(), { writeHead: () => undefined });
  const reply = {
    raw,
    request: { method },
    headers: () => undefined,
    getHeaders: () => ({}),
    hijack: () => undefined,
  };
  return {
    reply: reply as unknown as FastifyReply,
    raw,
    sent: () => (raw.read() as Buffer | null)?.toString() ?? '',
  };
}

const start = { place: '5-0', missed: [], onClose: () => undefined };
const event = (id: string) => ({ id, name: 'task.created', data: '{}' });

function open() {
  const stream = new EventStream({} as Principal, 0);
  const fake = fakeReply();
  stream.start(fake.reply, start);
  fake.sent();
  return { stream, ...fake };
}

describe('an event stream', () => {
  test('begins with the place to resume at', () => {
    const { reply, sent } = fakeReply();

    new EventStream({} as Principal, 0).start(reply, start);

    expect(sent()).toMatch(/^retry: [12]\d{3}\nid: 5-0\n\n$/);
  });

  test('sends what it collected before it was started, and nothing twice', () => {
    const stream = new EventStream({} as Principal, 0);
    const { reply, sent } = fakeReply();

    for (const id of ['4-0', '6-0', '7-0']) stream.send(event(id));
    stream.start(reply, { ...start, missed: [event('6-0')] });
    stream.send(event('7-0'));

    const ids = [...sent().matchAll(/^id: (.*)\nevent/gm)].map(([, id]) => id);
    expect(ids).toEqual(['6-0', '7-0']);
  });

  test('breathes after 15 s of silence', () => {
    const { stream, sent } = open();

    stream.keepAlive(Date.now() + 14_000);
    expect(sent()).toBe('');

    stream.keepAlive(Date.now() + 15_000);
    expect(sent()).toBe(':\n\n');
  });

  test('says nothing more once it has ended', () => {
    const { stream, raw, sent } = open();

    stream.end();
    stream.send(event('9-0'));

    expect(sent()).toBe('');
    expect(raw.writableEnded).toBe(true);
  });

  test('that was ended before it was started ends at once', () => {
    const stream = new EventStream({} as Principal, 0);
    const { reply, raw, sent } = fakeReply();

    stream.end();
    stream.start(reply, start);

    expect(sent()).toBe('');
    expect(raw.writableEnded).toBe(true);
  });
});
