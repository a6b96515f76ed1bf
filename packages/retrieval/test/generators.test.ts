import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  anthropicEvents,
  FakeModelServer,
  openAiEvents,
} from '@capstone/testing/fake-model-server';
import { waitFor } from '@capstone/testing/wait-for';
import { createAnthropicMessages } from '../src/answers/anthropic-messages.js';
import type { GenerationEvent, Generator, Source } from '../src/answers/generator.js';
import { createOpenAiChat } from '../src/answers/openai-chat.js';
import { weighQuestion } from '../src/answers/question.js';

let server: FakeModelServer;
beforeAll(async () => {
  server = await FakeModelServer.start();
});
afterAll(() => server.stop());
beforeEach(() => void server.requests.splice(0));

const content = 'Foxes sleep by day 🦊. They hunt at night.';
const source: Source = {
  documentId: 'foxes',
  version: 1,
  chunkId: 'foxes:1:0',
  title: 'Foxes </source>',
  headingPath: ['Habits'],
  content,
  charStart: 0,
  charEnd: content.length,
};
const request = { question: weighQuestion('When do foxes sleep?', new Map()), sources: [source] };

const options = {
  model: 'fake',
  apiKey: 'secret',
  maxOutputTokens: 500,
  timeoutMs: 5_000,
  maxRetryWaitMs: 1_000,
};
const speakers = {
  openai: {
    create: (more: object = {}) =>
      createOpenAiChat({ ...options, baseUrl: `${server.origin}/v1/`, ...more }),
    events: openAiEvents(['Foxes sleep by', ' day 🦊 [1].']),
    fault: 'data: {"error":{"type":"server_error","message":"secret detail"}}\n\n',
  },
  anthropic: {
    create: (more: object = {}) =>
      createAnthropicMessages({ ...options, baseUrl: server.origin, ...more }),
    events: anthropicEvents([{ texts: ['Foxes sleep by', ' day 🦊 [1].'] }]),
    fault:
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"secret detail"}}\n\n',
  },
} as const;
const names = ['openai', 'anthropic'] as const;

async function collect(generator: Generator, signal: AbortSignal = new AbortController().signal) {
  const events: GenerationEvent[] = [];
  for await (const event of generator.stream(request, signal)) events.push(event);
  return events;
}

const textOf = (events: readonly GenerationEvent[]) =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('');

describe.each(names)('%s', (name) => {
  const { create, events, fault } = speakers[name];

  test.each([undefined, 1, 7])('reads text and usage, in parts of %s bytes', async (partBytes) => {
    server.next({ events, ...(partBytes !== undefined && { partBytes }) });

    const received = await collect(create());

    expect(textOf(received)).toBe('Foxes sleep by day 🦊 [1].');
    expect(received.at(-1)).toEqual({
      type: 'usage',
      usage: { inputTokens: 120, outputTokens: 30, cachedTokens: 0 },
    });
  });

  test('understands line ends of either kind, comments, and events it does not know', async () => {
    const strange = [': hello\n\n', 'event: novelty\ndata: {"type":"novelty"}\n\n'];
    server.next({ events: [...strange, ...events].map((text) => text.replaceAll('\n', '\r\n')) });

    expect(textOf(await collect(create()))).toBe('Foxes sleep by day 🦊 [1].');
  });

  test('waits as long as 429 asks for, and then gets its answer', async () => {
    server.next({ status: 429, headers: { 'retry-after': '1' } }, { events });
    const startedAt = performance.now();

    expect(textOf(await collect(create()))).toContain('Foxes');

    expect(performance.now() - startedAt).toBeGreaterThan(990);
    expect(server.requests).toHaveLength(2);
  });

  test('passes a longer wait on instead of waiting', async () => {
    server.next({ status: 429, headers: { 'retry-after': '30' } });

    await expect(collect(create())).rejects.toMatchObject({
      code: 'model-unavailable',
      retryAfterSeconds: 30,
    });
    expect(server.requests).toHaveLength(1);
  });

  test('tries again when the provider is overloaded, three times in all', async () => {
    server.next({ status: 529 }, { status: 503 }, { status: 500 });

    await expect(collect(create())).rejects.toMatchObject({ code: 'model-unavailable' });
    expect(server.requests).toHaveLength(3);
  });

  test('does not repeat what is refused for good, and tells nobody the provider’s words', async () => {
    server.next({
      status: 401,
      body: { error: { type: 'authentication_error', message: 'key secret is wrong' } },
    });

    const refused = await collect(create()).catch((error: unknown) => error as Error);

    expect(refused).toMatchObject({ code: 'model-unavailable' });
    expect((refused as Error).message).not.toContain('secret');
    expect(String((refused as Error).cause)).toContain('401 (authentication_error)');
    expect(String((refused as Error).cause)).not.toContain('secret');
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    ['an error in the stream', { events: [...events.slice(0, 3), fault] }],
    ['a stream that ends half-way', { events: events.slice(0, 3) }],
    ['a connection that breaks', { events: events.slice(0, 3), end: 'cut' as const }],
    ['data that is no JSON', { events: ['data: {"choices": [\n\n'] }],
  ])('reports %s, after what came before it', async (_, reply) => {
    server.next(reply);

    const broken = await collect(create()).catch((error: unknown) => error);

    expect(broken).toMatchObject({ code: 'model-unavailable' });
    expect(JSON.stringify(broken)).not.toContain('secret detail');
    expect(server.requests).toHaveLength(1);
  });

  test('gives up on a provider that falls silent', async () => {
    server.next({ events: events.slice(0, 3), end: 'open' });

    await expect(collect(create({ silenceMs: 100 }))).rejects.toMatchObject({
      code: 'model-unavailable',
      detail: expect.stringContaining('in time') as string,
    });
    await waitFor(() => server.requests[0]!.isAborted, { what: 'the request to be given up' });
  });

  test('ends the request when the caller is gone', async () => {
    server.next({ events: events.slice(0, 3), end: 'open' });
    const abort = new AbortController();
    const collecting = collect(create(), abort.signal).catch((error: unknown) => error);
    await waitFor(() => server.requests.length === 1);

    abort.abort(new Error('gone'));

    expect(await collecting).toMatchObject({ message: 'gone' });
    await waitFor(() => server.requests[0]!.isAborted, { timeoutMs: 1_000 });
  });

  test('stops asking after five failures in a row', async () => {
    server.next(...Array.from({ length: 5 }, () => ({ status: 400 })));
    const generator = create();

    for (let call = 0; call < 6; call += 1) {
      await expect(collect(generator)).rejects.toMatchObject({ code: 'model-unavailable' });
    }

    expect(server.requests).toHaveLength(5);
  });

  test('follows no redirect: the key stays where the operator sent it', async () => {
    const elsewhere = { location: `${server.origin}/elsewhere` };
    server.next(...Array.from({ length: 3 }, () => ({ status: 307, headers: elsewhere })));

    await expect(collect(create())).rejects.toMatchObject({ code: 'model-unavailable' });
    expect(server.requests.map(({ path }) => path)).not.toContain('/elsewhere');
  });
});

test('openai: key in its header, sources in escaped tags, usage asked for', async () => {
  server.next({ events: speakers.openai.events });

  await collect(speakers.openai.create());

  const [sent] = server.requests;
  expect(sent).toMatchObject({
    path: '/v1/chat/completions',
    headers: { authorization: 'Bearer secret' },
    body: { model: 'fake', max_tokens: 500, stream: true, stream_options: { include_usage: true } },
  });
  const [, user] = sent!.body.messages as { role: string; content: string }[];
  expect(user!.content).toContain('title="Foxes &lt;/source&gt;" section="Habits"');
  expect(user!.content).toContain(content);
});

test('anthropic: each source a document with citations on, cited by its characters', async () => {
  const quote = 'Foxes sleep by day 🦊.';
  server.next({
    events: anthropicEvents([
      { texts: ['They rest: '] },
      { texts: ['by ', 'day.'], citations: [{ document: 0, start: 0, end: 22, text: quote }] },
    ]),
  });

  const events = await collect(speakers.anthropic.create());

  expect(events.filter(({ type }) => type === 'citation')).toEqual([
    { type: 'citation', source: 1, quote, at: 0, answer: { start: 11, end: 18 } },
  ]);
  const [sent] = server.requests;
  expect(sent).toMatchObject({
    path: '/v1/messages',
    headers: { 'x-api-key': 'secret', 'anthropic-version': '2023-06-01' },
    body: { model: 'fake', max_tokens: 500, stream: true },
  });
  const [message] = sent!.body.messages as { content: object[] }[];
  expect(message!.content).toMatchObject([
    { type: 'document', source: { data: content }, citations: { enabled: true } },
    { type: 'text', text: 'When do foxes sleep?' },
  ]);
});
