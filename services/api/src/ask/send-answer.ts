import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AskAnswer, AskEvent } from '@capstone/contracts/ask';
import { becomeStream } from '@capstone/platform/http-edge';
import { Problem } from '@capstone/platform/problem';

export type Answering = AsyncGenerator<AskEvent, AskAnswer, undefined>;

const keepAliveMs = 15_000;

/**
 * Sends an answer as server-sent events where the client accepts them, else as one JSON body. `begin` gets a signal that
 * aborts when the client leaves; what it throws before the first event is an ordinary error answer either way.
 */
export async function sendAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  begin: (gone: AbortSignal) => Promise<Answering>,
): Promise<void> {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort(new ClientGone()));
  const answering = await begin(gone.signal);
  if (!acceptsEvents(request)) return void reply.send(await lastOf(answering));

  becomeStream(request);
  await stream(reply, answering);
}

/** The reason of the signal. Nobody is left to tell. */
export class ClientGone extends Error {
  override readonly message = 'The client is gone.';
}

/** By name only: `*` and `text/*` are what clients send that never thought of streams. */
function acceptsEvents({ headers }: FastifyRequest): boolean {
  return /(^|,)\s*text\/event-stream\s*(;|,|$)/i.test(headers.accept ?? '');
}

async function lastOf(answering: Answering): Promise<AskAnswer> {
  for (;;) {
    const step = await answering.next();
    if (step.done) return step.value;
  }
}

async function stream(reply: FastifyReply, answering: Answering): Promise<void> {
  reply.headers({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  reply.hijack();
  const { raw: response } = reply;
  response.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders);
  const keepAlive = setInterval(() => void response.write(':\n\n'), keepAliveMs);
  try {
    // What a slow reader leaves unread is bounded by the longest answer.
    for await (const { name, data } of answering) {
      response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  } catch (error) {
    if (!(error instanceof ClientGone)) response.write(errorEvent(reply, error));
  } finally {
    clearInterval(keepAlive);
    response.end();
  }
}

function errorEvent(reply: FastifyReply, error: unknown): string {
  const problem = error instanceof Problem ? error : new Problem('internal');
  const { traceId } = reply.request.trace;
  const document = problem.toDocument({ instance: '/api/v1/ask', traceId });
  return `event: error\ndata: ${JSON.stringify(document)}\n\n`;
}
