import { EventEmitter } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AskAnswer, AskEvent } from '@capstone/contracts/ask';
import { sendAnswer } from './send-answer.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a stream that has nothing to say says so every fifteen seconds, until it ends', async () => {
  const written: string[] = [];
  const raw = Object.assign(new EventEmitter(), {
    writeHead: () => raw,
    write: (text: string) => written.push(text),
    end: () => written.push('end'),
  });
  const request = { headers: { accept: 'text/event-stream' }, isStream: true };
  const reply = { raw, headers: () => reply, hijack: () => reply, getHeaders: () => ({}), request };
  const spoken = Promise.withResolvers<void>();

  const sending = sendAnswer(
    request as unknown as FastifyRequest,
    reply as unknown as FastifyReply,
    () => Promise.resolve(speakAfter(spoken.promise)),
  );
  await vi.advanceTimersByTimeAsync(31_000);
  spoken.resolve();
  await sending;
  await vi.advanceTimersByTimeAsync(31_000);

  expect(written).toEqual([':\n\n', ':\n\n', 'event: delta\ndata: {"text":"Hello."}\n\n', 'end']);
});

async function* speakAfter(moment: Promise<void>): AsyncGenerator<AskEvent, AskAnswer, undefined> {
  await moment;
  yield { name: 'delta', data: { text: 'Hello.' } };
  return {} as AskAnswer;
}
