import { Worker } from 'node:worker_threads';
import type { TextContentType } from '@capstone/contracts/documents';
import type { Chunk } from '@capstone/retrieval/chunk-text';
import type { ExtractedText } from '@capstone/retrieval/extract';
import { UnreadableDocument } from '@capstone/retrieval/unreadable-document';
import type { ParseReply, ParseRequest } from './parse-thread.js';

export interface ParserLimits {
  readonly timeoutMs: number;
  readonly memoryMb: number;
}

// The compiled file, from src under the tests and from dist in production: a thread loads no TypeScript of ours.
const threadFile = new URL('../../dist/ingestion/parse-thread.js', import.meta.url);

/**
 * Extracts and chunks in threads of its own: parsing a large document takes seconds without a pause, in which this
 * process could renew no lease, and a malicious one takes for ever or all memory there is. A thread that exceeds its
 * limits is ended, and with it nothing but the document it was given.
 */
export class Parser {
  readonly #limits: ParserLimits;
  readonly #idle: Worker[] = [];
  readonly #busy = new Set<Worker>();

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

  async close(): Promise<void> {
    const threads = [...this.#idle.splice(0), ...this.#busy];
    await Promise.all(threads.map((thread) => thread.terminate()));
  }

  async #ask(request: ParseRequest): Promise<ParseReply> {
    const thread = this.#idle.pop() ?? this.#start();
    this.#busy.add(thread);
    try {
      const reply = await this.#exchange(thread, request);
      this.#idle.push(thread);
      return reply;
    } catch (error) {
      void thread.terminate();
      throw error;
    } finally {
      this.#busy.delete(thread);
    }
  }

  #exchange(thread: Worker, request: ParseRequest): Promise<ParseReply> {
    const { timeoutMs, memoryMb } = this.#limits;
    const { promise, resolve, reject } = Promise.withResolvers<ParseReply>();
    const tooLong = new UnreadableDocument(
      'too_large',
      `Reading it takes longer than ${timeoutMs / 1_000} seconds.`,
    );
    const timer = setTimeout(() => reject(tooLong), timeoutMs);
    const onError = (error: Error) =>
      reject(isOutOfMemory(error) ? tooMuchMemory(memoryMb) : error);
    const onExit = () => reject(new Error('The parser thread ended.'));
    thread.once('message', resolve).once('error', onError).once('exit', onExit);
    thread.postMessage(request);
    return promise.finally(() => {
      clearTimeout(timer);
      thread.off('message', resolve).off('error', onError).off('exit', onExit);
    });
  }

  #start(): Worker {
    const thread = new Worker(threadFile, {
      name: 'parser',
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.memoryMb },
    });
    thread.on('error', () => undefined).once('exit', () => this.#forget(thread));
    // It must not keep a process alive that has nothing else to do.
    thread.unref();
    return thread;
  }

  #forget(thread: Worker) {
    const place = this.#idle.indexOf(thread);
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

function isOutOfMemory(error: Error): boolean {
  return 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}

function tooMuchMemory(memoryMb: number) {
  return new UnreadableDocument(
    'too_large',
    `Reading it takes more than ${memoryMb} MB of memory.`,
  );
}
