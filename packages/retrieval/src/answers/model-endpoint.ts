import { setTimeout as delay } from 'node:timers/promises';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { Problem } from '@capstone/platform/problem';
import { CircuitBreaker } from './circuit-breaker.js';
import type { GenerationEvent } from './generator.js';

export interface EndpointOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For a whole answer, retries included. */
  readonly timeoutMs: number;
  /** For the head of the response, and between two parts of it. */
  readonly silenceMs: number;
  /** A provider that asks for a longer wait is given up on, and the caller told how long it was. */
  readonly maxRetryWaitMs: number;
}

const attempts = 3;
const firstBackoffMs = 250;
const retryable = new Set([408, 409, 425, 429, 500, 502, 503, 504, 529]);
const maxStreamBytes = 4_000_000;

/** Makes sense of the events of one answer, each by its data. `read` throws BrokenAnswer when it cannot. */
export interface AnswerReader {
  read(data: string): Iterable<GenerationEvent>;
  /** Nothing is missing: the stream may end here. */
  readonly isWhole: boolean;
  /** Nothing more will come that matters. */
  readonly isDone: boolean;
}

/** What a provider said inside a stream that began well. `kind` is of its making and short, never a message. */
export class BrokenAnswer extends Error {
  constructor(kind: unknown) {
    super(typeof kind === 'string' ? kind.slice(0, 60) : 'an answer that cannot be read');
  }
}

/**
 * One address of a model provider that answers a POST with server-sent events. Retries until the first byte and never
 * after it; gives up on silence; stops asking for a while when it keeps failing.
 */
export class ModelEndpoint {
  private readonly breaker = new CircuitBreaker({ failures: 5, pauseMs: 15_000 });

  constructor(private readonly options: EndpointOptions) {}

  /** Throws `model-unavailable`, or the signal's reason. Whoever stops reading ends the request. */
  async *post(
    body: object,
    reader: AnswerReader,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void> {
    const waitMs = this.breaker.enter();
    if (waitMs > 0) throw unavailable('It failed repeatedly.', waitMs / 1_000);

    const ended = new AbortController();
    const silence = new Silence(this.options.silenceMs);
    const timeout = AbortSignal.timeout(this.options.timeoutMs);
    const all = AbortSignal.any([signal, ended.signal, silence.signal, timeout]);
    try {
      const response = await this.request(body, all, silence);
      for await (const { data } of readEvents(response, silence)) {
        yield* reader.read(data);
        if (reader.isDone) break;
      }
      if (!reader.isWhole) throw new BrokenAnswer('no end');
      this.breaker.succeeded();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      this.breaker.failure();
      throw asProblem(error, all);
    } finally {
      silence.end();
      ended.abort();
    }
  }

  private async request(body: object, signal: AbortSignal, silence: Silence): Promise<Response> {
    const { url, headers, maxRetryWaitMs } = this.options;
    for (let attempt = 1; ; attempt += 1) {
      silence.broken();
      const outcome = await send(url, headers, body, signal);
      if (outcome instanceof Response && outcome.ok) return outcome;
      const retryAfterMs = outcome instanceof Response ? retryAfter(outcome) : undefined;
      const waitMs = retryAfterMs ?? firstBackoffMs * 2 ** attempt * (0.5 + Math.random() / 2);
      const mayHelp = !(outcome instanceof Response) || retryable.has(outcome.status);
      if (!mayHelp || attempt === attempts || waitMs > maxRetryWaitMs) {
        throw await refusal(outcome, retryAfterMs);
      }
      if (outcome instanceof Response) await outcome.body?.cancel();
      silence.pause();
      await delay(waitMs, undefined, { signal });
    }
  }
}

/** The response, or why there is none. An abort is thrown. */
async function send(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: object,
  signal: AbortSignal,
): Promise<Response | Error> {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
      body: JSON.stringify(body),
      // The key goes where the operator said, and nowhere else.
      redirect: 'error',
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function* readEvents(
  response: Response,
  silence: Silence,
): AsyncGenerator<EventSourceMessage, void> {
  const events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  const decoder = new TextDecoder();
  let bytes = 0;
  for await (const part of response.body ?? []) {
    silence.broken();
    bytes += part.byteLength;
    if (bytes > maxStreamBytes) throw unavailable('Its answer has no end.');
    parser.feed(decoder.decode(part, { stream: true }));
    yield* events.splice(0);
  }
}

/** Aborts when nothing has come for too long. */
class Silence {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly limitMs: number) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  broken(): void {
    clearTimeout(this.timer);
    const reason = new DOMException('The provider fell silent.', 'TimeoutError');
    this.timer = setTimeout(() => this.controller.abort(reason), this.limitMs);
  }

  pause(): void {
    clearTimeout(this.timer);
  }

  end(): void {
    clearTimeout(this.timer);
  }
}

/** RFC 9110 10.2.3: seconds or a date; in milliseconds. */
function retryAfter({ headers }: Response): number | undefined {
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

async function refusal(outcome: Response | Error, retryAfterMs?: number): Promise<Problem> {
  if (outcome instanceof Error) {
    return unavailable('It cannot be reached.', undefined, outcome);
  }
  const cause = new Error(`The provider answered ${outcome.status}${await errorKind(outcome)}.`);
  const seconds = retryAfterMs === undefined ? undefined : retryAfterMs / 1_000;
  return unavailable('It refused the request.', seconds, cause);
}

/** Its type only: messages of providers quote keys and prompts. */
async function errorKind(response: Response): Promise<string> {
  try {
    const { error } = JSON.parse((await response.text()).slice(0, 10_000)) as {
      error?: { type?: unknown; code?: unknown };
    };
    const kinds = [error?.type, error?.code].filter((kind) => typeof kind === 'string');
    return kinds.length > 0 ? ` (${kinds.join(', ').slice(0, 100)})` : '';
  } catch {
    return '';
  }
}

function asProblem(error: unknown, signal: AbortSignal): Problem {
  if (error instanceof Problem) return error;
  if (signal.aborted) return unavailable('It did not answer in time.', undefined, signal.reason);
  return unavailable('Its answer broke off.', undefined, error);
}

function unavailable(what: string, retryAfterSeconds = 5, cause?: unknown): Problem {
  return new Problem('model-unavailable', {
    detail: `The language model is not available. ${what}`,
    retryAfterSeconds,
    cause,
  });
}
