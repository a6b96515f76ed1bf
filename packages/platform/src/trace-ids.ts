import { randomFillSync } from 'node:crypto';
import type { IdGenerator } from '@opentelemetry/sdk-trace';

export interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
}

export function newTraceId(): string {
  return randomHex(16);
}

export function newSpanId(): string {
  return randomHex(8);
}

/** Gives spans new ids, or those that a request without a span has had all along. */
export class ReplayableIds implements IdGenerator {
  #replayed: SpanIds | undefined;

  generateTraceId(): string {
    return this.#replayed?.traceId ?? newTraceId();
  }

  generateSpanId(): string {
    return this.#replayed?.spanId ?? newSpanId();
  }

  /** The span that `start` makes has these ids. */
  replay<Result>(ids: SpanIds, start: () => Result): Result {
    this.#replayed = ids;
    try {
      return start();
    } finally {
      this.#replayed = undefined;
    }
  }
}

// One system call fills ids for some 170 requests; an id costs 0.1 µs instead of 1.
const pool = Buffer.allocUnsafe(4096);
let poolOffset = pool.length;

function randomHex(bytes: number): string {
  if (poolOffset + bytes > pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const hex = pool.toString('hex', poolOffset, poolOffset + bytes);
  poolOffset += bytes;
  return hex;
}
