import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { HrTime } from '@opentelemetry/api';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace';

/** A finished span, as the admin port shows it. */
export interface RecentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  /** Milliseconds since 1970, with a fraction. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** One line for a trace of which this process has seen something. */
export interface RecentTrace {
  readonly traceId: string;
  readonly name: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly spans: number;
  readonly failed: boolean;
}

/** The last spans of this process, in memory: enough to look at a trace where there is no backend for them. */
export class RecentSpans implements SpanProcessor {
  readonly #spans: ReadableSpan[] = [];
  #next = 0;

  constructor(private readonly limit: number) {}

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    this.#spans[this.#next] = span;
    this.#next = (this.#next + 1) % this.limit;
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }

  /** The spans of one trace in the order of their start. */
  find(traceId: string): RecentSpan[] {
    return this.#spans
      .filter((span) => span.spanContext().traceId === traceId)
      .map(describe)
      .toSorted((a, b) => a.startMs - b.startMs);
  }

  /** The traces seen last, newest first. */
  list(): RecentTrace[] {
    const byTrace = Map.groupBy(this.#spans.map(describe), ({ traceId }) => traceId);
    return [...byTrace]
      .map(([traceId, spans]) => {
        const known = new Set(spans.map(({ spanId }) => spanId));
        // Clocks are good to a millisecond: the one without a parent here came first.
        const first = spans.find(({ parentSpanId }) => !known.has(parentSpanId ?? '')) ?? spans[0]!;
        const endMs = Math.max(...spans.map(({ startMs, durationMs }) => startMs + durationMs));
        return {
          traceId,
          name: first.name,
          startMs: first.startMs,
          durationMs: endMs - first.startMs,
          spans: spans.length,
          failed: spans.some(({ failed }) => failed),
        };
      })
      .toSorted((a, b) => b.startMs - a.startMs);
  }
}

function describe(span: ReadableSpan): RecentSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    service: String(span.resource.attributes['service.name']),
    name: span.name,
    kind: SpanKind[span.kind].toLowerCase(),
    startMs: toMs(span.startTime),
    durationMs: toMs(span.duration),
    failed: span.status.code === SpanStatusCode.ERROR,
    attributes: span.attributes,
  };
}

function toMs([seconds, nanoseconds]: HrTime): number {
  return seconds * 1_000 + nanoseconds / 1e6;
}
