import { fork, type ChildProcess } from 'node:child_process';
import type { TextContentType } from '@capstone/contracts/documents';
import type { Chunk } from '@capstone/retrieval/chunk-text';
import type { ExtractedText } from '@capstone/retrieval/extract';
import { UnreadableDocument } from '@capstone/retrieval/unreadable-document';
import type { ParseReply, ParseRequest } from './parser-process.js';

// V8 aborts when the heap limit is reached.
const outOfMemory = 'SIGABRT';

export interface ParserLimits {
  readonly timeoutMs: number;
  readonly memoryMb: number;
}

// The compiled file, from src under the tests and from dist in production: a child loads no TypeScript of ours.
const processFile = new URL('../../dist/ingestion/parser-process.js', import.meta.url);

/**
 * Extracts and chunks in child processes: parsing a large document takes seconds without a pause, in which this process
 * could renew no lease, and a malicious one takes for ever or all memory there is. A child that exceeds its limits is
 * ended, and with it nothing but the document it was given. Threads would start sooner, but V8 may end the whole process
 * when one of them reaches its heap limit; and a child gets an empty environment, so it holds no secret.
 */
export class Parser {
  readonly #limits: ParserLimits;
  readonly #idle: ChildProcess[] = [];
  readonly #busy = new Set<ChildProcess>();

  constructor(limits: ParserLimits) {
    this.#limits = limits;
  }

  /** Throws UnreadableDocument when the document is at fault. */
  async extract(content: Uint8Array, contentType: TextContentType): Promise<ExtractedText> {
    const reply = await this.#ask({ kind: 'extract', content, contentType });
    if ('extracted' in reply) return reply.extracted;
    throw failure(reply);
  }

  /** Throws UnreadableDocument when the document is at fault. */
  async chunk(document: ExtractedText, title: string): Promise<readonly Chunk[]> {
    const reply = await this.#ask({ kind: 'chunk', document, title });
    if ('chunks' in reply) return reply.chunks;
    throw failure(reply);
  }

  close(): void {
    for (const child of [...this.#idle.splice(0), ...this.#busy]) child.kill('SIGKILL');
  }

  async #ask(request: ParseRequest): Promise<ParseReply> {
    const child = this.#idle.pop() ?? this.#start();
    this.#busy.add(child);
    try {
      const reply = await this.#exchange(child, request);
      this.#idle.push(child);
      return reply;
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    } finally {
      this.#busy.delete(child);
    }
  }

  #exchange(child: ChildProcess, request: ParseRequest): Promise<ParseReply> {
    const { timeoutMs, memoryMb } = this.#limits;
    const { promise, resolve, reject } = Promise.withResolvers<ParseReply>();
    const tooLong = tooLarge(`Reading it takes longer than ${timeoutMs / 1_000} seconds.`);
    const timer = setTimeout(() => reject(tooLong), timeoutMs);
    const onExit = (_code: number | null, signal: NodeJS.Signals | null) =>
      reject(
        signal === outOfMemory
          ? tooLarge(`Reading it takes more than ${memoryMb} MB of memory.`)
          : new Error('The parser process ended.'),
      );
    const onMessage = (message: unknown) => resolve(message as ParseReply);
    child.once('message', onMessage).once('error', reject).once('exit', onExit);
    child.send(request, (error) => error && reject(error));
    return promise.finally(() => {
      clearTimeout(timer);
      child.off('message', onMessage).off('error', reject).off('exit', onExit);
    });
  }

  #start(): ChildProcess {
    const child = fork(processFile, {
      serialization: 'advanced',
      execArgv: [`--max-old-space-size=${this.#limits.memoryMb}`],
      env: {},
      // V8 writes pages to stderr when it runs out of memory.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.on('error', () => undefined).once('exit', () => this.#forget(child));
    // It must not keep a process alive that has nothing else to do.
    child.unref();
    child.channel?.unref();
    return child;
  }

  #forget(child: ChildProcess) {
    const place = this.#idle.indexOf(child);
    if (place >= 0) this.#idle.splice(place, 1);
  }
}

function failure(reply: ParseReply): Error {
  if ('unreadable' in reply)
    return new UnreadableDocument(reply.unreadable.code, reply.unreadable.detail);
  return new Error(
    'fault' in reply ? `The parser failed: ${reply.fault}` : 'The parser answered something else.',
  );
}

function tooLarge(detail: string) {
  return new UnreadableDocument('too_large', detail);
}
