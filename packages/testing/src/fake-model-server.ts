import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface ModelRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  /** True once the client has gone before the answer was whole. */
  readonly isAborted: boolean;
}

/** What comes back: a stream of server-sent events, or an answer without one. */
export type ModelReply =
  | {
      readonly events: readonly string[];
      /** whole: ends as it should. cut: the connection breaks. open: nothing more comes, and it stays open. */
      readonly end?: 'whole' | 'cut' | 'open';
      /** The stream is written in parts of so many bytes, wherever that cuts it. Default: an event a part. */
      readonly partBytes?: number;
    }
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: unknown;
    };

/** A provider of language models on a port of its own: real HTTP, real frames, whatever faults a test wants. */
export class FakeModelServer {
  readonly requests: ModelRequest[] = [];
  private readonly queued: ModelReply[] = [];
  private usual: (request: ModelRequest) => ModelReply = () => ({ status: 500 });

  private constructor(private readonly server: Server) {
    server.on('request', (message, response) => {
      const parts: Buffer[] = [];
      message.on('data', (part: Buffer) => parts.push(part));
      message.on('end', () => {
        const body = JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>;
        const request = {
          path: message.url ?? '',
          headers: message.headers,
          body,
          isAborted: false,
        };
        this.requests.push(request);
        response.on('close', () => (request.isAborted = !response.writableFinished));
        void send(response, this.queued.shift() ?? this.usual(request));
      });
    });
  }

  static async start(): Promise<FakeModelServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeModelServer(server);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The answers to the next requests, in this order. */
  next(...replies: ModelReply[]): void {
    this.queued.push(...replies);
  }

  /** The answer to every other request. */
  always(reply: (request: ModelRequest) => ModelReply): void {
    this.usual = reply;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function send(response: ServerResponse, reply: ModelReply): Promise<void> {
  if ('status' in reply) {
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
    response.end(JSON.stringify(reply.body ?? {}));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.flushHeaders();
  for (const part of partsOf(reply.events, reply.partBytes)) {
    response.write(part);
    await nextTurn();
  }
  if (reply.end === 'cut') response.destroy();
  else if (reply.end !== 'open') response.end();
}

function partsOf(events: readonly string[], partBytes: number | undefined): Buffer[] {
  if (partBytes === undefined) return events.map((text) => Buffer.from(text));
  const all = Buffer.from(events.join(''));
  return Array.from({ length: Math.ceil(all.length / partBytes) }, (_, part) =>
    all.subarray(part * partBytes, (part + 1) * partBytes),
  );
}

/** Chat completion chunks as OpenAI-compatible servers send them, usage last, ended by [DONE]. */
export function openAiEvents(
  texts: readonly string[],
  usage: { input: number; output: number } = { input: 120, output: 30 },
): string[] {
  const choice = (delta: object, finish: string | null = null) =>
    chunk({ choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }], usage: null });
  return [
    choice({ role: 'assistant', content: '' }),
    ...texts.map((content) => choice({ content })),
    choice({}, 'stop'),
    chunk({
      choices: [],
      usage: {
        prompt_tokens: usage.input,
        completion_tokens: usage.output,
        total_tokens: usage.input + usage.output,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    }),
    'data: [DONE]\n\n',
  ];
}

/** One content block of a message: its text in pieces, and what it says it has from where. */
export interface AnthropicBlock {
  readonly texts: readonly string[];
  readonly citations?: readonly {
    readonly document: number;
    readonly start: number;
    readonly end: number;
    readonly text: string;
  }[];
}

/** The events of Anthropic's Messages for these blocks, with a ping in between. */
export function anthropicEvents(
  blocks: readonly AnthropicBlock[],
  usage: { input: number; output: number } = { input: 120, output: 30 },
): string[] {
  return [
    event('message_start', {
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'fake-claude',
        content: [],
        stop_reason: null,
        usage: { input_tokens: usage.input, cache_read_input_tokens: 0, output_tokens: 1 },
      },
    }),
    event('ping'),
    ...blocks.flatMap(({ texts, citations = [] }, index) => [
      event('content_block_start', {
        index,
        content_block: { type: 'text', text: '', citations: [] },
      }),
      ...citations.map(({ document, start, end, text }) =>
        event('content_block_delta', {
          index,
          delta: {
            type: 'citations_delta',
            citation: {
              type: 'char_location',
              cited_text: text,
              document_index: document,
              document_title: null,
              start_char_index: start,
              end_char_index: end,
            },
          },
        }),
      ),
      ...texts.map((text) =>
        event('content_block_delta', { index, delta: { type: 'text_delta', text } }),
      ),
      event('content_block_stop', { index }),
    ]),
    event('message_delta', {
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { output_tokens: usage.output },
    }),
    event('message_stop'),
  ];
}

function chunk(fields: object): string {
  const about = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'fake' };
  return `data: ${JSON.stringify({ ...about, ...fields })}\n\n`;
}

function event(type: string, fields: object = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}
