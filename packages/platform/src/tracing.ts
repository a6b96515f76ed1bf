import { AsyncLocalStorage } from 'node:async_hooks';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import type { Attributes, Span, SpanContext, Tracer } from '@opentelemetry/api';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { RecentSpans } from './recent-spans.js';
import { DoorSampler } from './sampling.js';
import { ReplayableIds, newSpanId, newTraceId } from './trace-ids.js';

/**
 * Where the running code stands in a trace. Every request, call and job has one, so that logs and problem documents
 * can name it; only a sampled one carries a span, and only then does tracing cost more than an id.
 */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  readonly span?: Span;
}

/** A W3C trace context as it arrived from outside. */
export interface RemoteParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

export interface TracingOptions {
  readonly service: string;
  readonly version?: string;
  /** Base address of an OTLP/HTTP collector, such as http://localhost:4318. */
  readonly endpoint?: string | undefined;
  /** Share of requests sampled at the door when the caller did not decide, 0 to 1. */
  readonly sampleRatio: number;
  /** So many a second are sampled whatever the ratio. */
  readonly samplePerSecond?: number;
  /** How many finished spans are kept in memory for the admin port. */
  readonly recentSpans?: number;
  /** Instead of the collector, for tests. */
  readonly exporter?: SpanExporter;
}

export interface Tracing {
  /** What has been traced lately, where `recentSpans` says so. */
  readonly recent?: RecentSpans | undefined;
  /** Sends what is still in memory. Never throws: a lost span must not keep a process from stopping. */
  shutdown(): Promise<void>;
}

const current = new AsyncLocalStorage<TraceContext>();
let tracer: Tracer | undefined;
let door: DoorSampler | undefined;
const ids = new ReplayableIds();

/**
 * Starts the making of spans. Until it is called, and when nobody is there to take them, contexts are made and carried on
 * but no span is, and the SDK is not even loaded.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { endpoint, exporter, recentSpans, sampleRatio, samplePerSecond = 0 } = options;
  const recent = recentSpans ? new RecentSpans(recentSpans) : undefined;
  if (!endpoint && !exporter && !recent) return { shutdown: () => Promise.resolve() };
  const { createTracerProvider } = await import('./tracer-provider.js');
  const provider = createTracerProvider(options, ids, recent ? [recent] : []);
  tracer = provider.getTracer('@capstone/platform');
  door = new DoorSampler({ ratio: sampleRatio, perSecond: samplePerSecond });

  return {
    recent,
    async shutdown() {
      tracer = undefined;
      door = undefined;
      await provider.shutdown().catch(() => undefined);
    },
  };
}

/** Opens a trace at the door of this process: continues the caller's, or begins one and decides whether to sample it. */
export function openTrace(
  name: string,
  traceparent: string | undefined,
  kind: SpanKind = SpanKind.SERVER,
): TraceContext {
  const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  const sampled = tracer !== undefined && (parent ? parent.sampled : door?.decide());
  if (!sampled) {
    return { traceId: parent?.traceId ?? newTraceId(), spanId: newSpanId(), sampled: false };
  }
  return sampledContext(name, kind, parent);
}

/** Runs `work` inside `context`, so that logs, spans and outgoing calls made by it belong there. */
export function runInTrace<Result>(context: TraceContext, work: () => Result): Result {
  return current.run(context, work);
}

/** Where the running code stands, if anywhere. */
export function currentTrace(): TraceContext | undefined {
  return current.getStore();
}

export function currentTraceId(): string | undefined {
  return current.getStore()?.traceId;
}

/** The header to hand to whoever is called next, including a job's consumer; undefined outside any trace. */
export function currentTraceparent(): string | undefined {
  const context = current.getStore();
  return context && formatTraceparent(context);
}

/** Times `work` as a child span if the trace is sampled; otherwise just runs it. Errors are recorded and rethrown. */
export function withSpan<Result>(
  name: string,
  attributes: Attributes,
  work: () => Result,
  kind: SpanKind = SpanKind.INTERNAL,
): Result {
  const context = openSpan(name, attributes, kind);
  return context ? endWith(context, () => current.run(context, work)) : work();
}

/** A child span, if the trace is sampled, for work whose end shows elsewhere: hand it to `closeTrace`. */
export function openSpan(
  name: string,
  attributes: Attributes,
  kind: SpanKind,
): TraceContext | undefined {
  const parent = current.getStore();
  if (!parent?.span) return undefined;
  const context = sampledContext(name, kind, parent);
  context.span?.setAttributes(attributes);
  return context;
}

/** Runs `work` as the continuation of a trace that came with a message: a gRPC call, a job, an outbox row. */
export function continueTrace<Result>(
  traceparent: string | undefined,
  name: string,
  work: () => Result,
  { kind = SpanKind.CONSUMER, attributes }: { kind?: SpanKind; attributes?: Attributes } = {},
): Result {
  const context = openTrace(name, traceparent, kind);
  if (attributes) context.span?.setAttributes(attributes);
  return endWith(context, () => current.run(context, work));
}

/** Ends the context's span, if there is one. The error marks it as failed. */
export function closeTrace(context: TraceContext, error?: unknown): void {
  if (!context.span) return;
  if (error !== undefined) {
    context.span.setStatus({ code: SpanStatusCode.ERROR });
    context.span.setAttribute('error.type', errorType(error));
    if (error instanceof Error) context.span.recordException(error);
  }
  context.span.end();
}

/**
 * Keeps what went wrong or took long although the door had not chosen it: a span alone, with the ids that the answer and
 * the log have told already. A few a second at most, so that an outage does not become a flood.
 */
export function keepAfterwards(
  context: TraceContext,
  span: {
    name: string;
    kind: SpanKind;
    durationMs: number;
    attributes: Attributes;
    error?: string;
  },
): void {
  if (!tracer || context.span || !door?.takeToken()) return;
  const { name, kind, attributes, durationMs, error } = span;
  const startTime = Date.now() - durationMs;
  const started = ids.replay(context, () =>
    tracer?.startSpan(name, { kind, attributes, startTime }, ROOT_CONTEXT),
  );
  if (started) closeTrace({ ...context, sampled: true, span: started }, error);
}

/**
 * W3C Trace Context §3.2: version, trace id, parent id, flags; all-zero ids and version ff are invalid. A later version
 * may append fields, version 00 may not. Anything else is ignored, as the specification asks.
 */
export function parseTraceparent(header: string): RemoteParent | undefined {
  const match = traceparentPattern.exec(header);
  if (!match) return undefined;
  const [, version, traceId, spanId, flags, rest] = match;
  if (version === 'ff' || (version === '00' && rest)) return undefined;
  if (traceId === invalidTraceId || spanId === invalidSpanId) return undefined;
  return { traceId: traceId!, spanId: spanId!, sampled: (parseInt(flags!, 16) & 1) === 1 };
}

export function formatTraceparent(context: RemoteParent): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? '01' : '00'}`;
}

const traceparentPattern =
  /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]*)?$/;
const invalidTraceId = '0'.repeat(32);
const invalidSpanId = '0'.repeat(16);

function sampledContext(
  name: string,
  kind: SpanKind,
  parent: RemoteParent | undefined,
): TraceContext {
  const parentContext = parent
    ? trace.setSpanContext(ROOT_CONTEXT, toSpanContext(parent))
    : ROOT_CONTEXT;
  const span = tracer?.startSpan(name, { kind }, parentContext);
  if (!span) return { ...(parent ?? newIds()), sampled: false };
  const { traceId, spanId } = span.spanContext();
  return { traceId, spanId, sampled: true, span };
}

function toSpanContext({ traceId, spanId }: RemoteParent): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

function newIds() {
  return { traceId: newTraceId(), spanId: newSpanId() };
}

function endWith<Result>(context: TraceContext, work: () => Result): Result {
  if (!context.span) return work();
  try {
    const result = work();
    if (!(result instanceof Promise)) {
      closeTrace(context);
      return result;
    }
    return result.then(
      (value: unknown) => {
        closeTrace(context);
        return value;
      },
      (error: unknown) => {
        closeTrace(context, error);
        throw error;
      },
    ) as Result;
  } catch (error) {
    closeTrace(context, error);
    throw error;
  }
}

/** A Problem by its code, a system error by its own, anything else by its class. */
function errorType(error: unknown): string {
  if (typeof error === 'string') return error;
  if (!(error instanceof Error)) return '_OTHER';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
