import type { IncomingMessage } from 'node:http';
import { SpanKind } from '@opentelemetry/api';
import type { Attributes } from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { recordRoutes } from './allowed-methods.js';
import { setSecurityHeaders } from './raw-answers.js';
import type { Logger } from './log.js';
import { httpDuration, httpInFlight, httpShed, observeTraced } from './metrics.js';
import type { Principal } from './principal.js';
import { Problem } from './problem.js';
import { closeTrace, currentTrace, keepAfterwards, openTrace, runInTrace } from './tracing.js';
import type { TraceContext } from './tracing.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Where this request stands in a trace, also where the async context was lost. */
    trace: TraceContext;
    /** See `becomeStream`. */
    isStream: boolean;
    leaveInFlight(): void;
    /** Who calls, once the service knows. */
    principal: Principal | null;
  }
  interface FastifyInstance {
    /** The methods that some route takes at this path. */
    allowedMethods(url: string): readonly string[];
  }
}

export interface HttpEdgeOptions {
  readonly logger: Logger;
  /** One line per request at level info. */
  readonly logRequests: boolean;
  readonly maxUrlLength: number;
  /** Requests beyond this many at once are refused with 503. */
  readonly maxInFlight: number;
  /** While the event loop is later than this, requests are refused with 503. */
  readonly maxEventLoopDelayMs: number;
}

export interface HttpEdge {
  /** From now on each new request is refused with 503, and each answer asks its connection to close. */
  drain(): void;
  close(): void;
}

/**
 * What happens to every request before and after its handler: security headers, trace, refusal of what must not come
 * in, load shedding, draining, metrics by route template, one log line. Must be called before any route is added.
 */
export function addHttpEdge(fastify: FastifyInstance, options: HttpEdgeOptions): HttpEdge {
  const state = { inFlight: 0, draining: false, loop: watchEventLoop() };

  fastify.decorateRequest('trace');
  fastify.decorateRequest('isStream', false);
  fastify.decorateRequest('leaveInFlight', () => httpInFlight.set(--state.inFlight));
  fastify.decorate('allowedMethods', recordRoutes(fastify));

  fastify.addHook('onRequest', (request, reply, done) => {
    setSecurityHeaders(reply.raw);
    const trace = openTrace(spanNameOf(request), headerOf(request, 'traceparent'));
    request.trace = trace;
    httpInFlight.set(++state.inFlight);
    const refusal = refusalOf(request, state, options);
    runInTrace(trace, () => done(refusal));
  });

  // The events of a request body come in the connection's async context, not in the request's.
  fastify.addHook('preValidation', (request, _reply, done) => {
    if (currentTrace() === request.trace) done();
    else runInTrace(request.trace, done);
  });

  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (state.draining) void reply.header('connection', 'close');
    done(null, payload);
  });

  fastify.addHook('onResponse', (request, reply, done) => {
    if (!request.isStream) httpInFlight.set(--state.inFlight);
    finish(request, reply, options);
    done();
  });

  return {
    drain: () => void (state.draining = true),
    close: () => state.loop.close(),
  };
}

/** For an answer that stays open for minutes: it no longer counts as in flight, nor its time as a duration. */
export function becomeStream(request: FastifyRequest): void {
  if (request.isStream) return;
  request.isStream = true;
  request.leaveInFlight();
}

interface EdgeState {
  readonly inFlight: number;
  readonly draining: boolean;
  readonly loop: { delayMs(): number };
}

function refusalOf(
  request: FastifyRequest,
  state: EdgeState,
  options: HttpEdgeOptions,
): Problem | undefined {
  if (state.draining) {
    httpShed.inc({ reason: 'draining' });
    return new Problem('shutting-down', { retryAfterSeconds: 1 });
  }
  if (state.inFlight > options.maxInFlight) {
    httpShed.inc({ reason: 'in-flight' });
    return new Problem('overloaded', { retryAfterSeconds: 1 });
  }
  if (state.loop.delayMs() > options.maxEventLoopDelayMs) {
    httpShed.inc({ reason: 'event-loop' });
    return new Problem('overloaded', { retryAfterSeconds: 1 });
  }
  return targetFault(request.raw, options.maxUrlLength);
}

/** Node takes a duplicate Host and an absolute-form target, each a way to disagree with a proxy about the address. */
function targetFault(raw: IncomingMessage, maxUrlLength: number): Problem | undefined {
  const url = raw.url ?? '';
  if (url.length > maxUrlLength) return new Problem('uri-too-long');
  if (url.charCodeAt(0) !== slash && url !== '*') {
    return new Problem('malformed-request', { detail: 'The target must be a path' });
  }
  if (countHosts(raw.rawHeaders) > 1) {
    return new Problem('malformed-request', { detail: 'More than one Host header' });
  }
  return undefined;
}

const slash = 0x2f;

function countHosts(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts;
}

function finish(request: FastifyRequest, reply: FastifyReply, options: HttpEdgeOptions): void {
  const route = request.routeOptions.url ?? 'unknown';
  const status = reply.raw.headersSent ? reply.statusCode : 499;
  const milliseconds = reply.elapsedTime;
  const { method, trace, isStream } = request;
  if (!isStream) {
    const labels = { route, method, status: classes[Math.floor(status / 100)] ?? '5xx' };
    observeTraced(httpDuration, labels, milliseconds / 1000, trace);
  }
  endTrace(request, status, isStream ? 0 : milliseconds);
  if (options.logRequests && options.logger.isLevelEnabled('info')) {
    const durationMs = Math.round(milliseconds * 100) / 100;
    const { userId, workspaceId, sessionId } = request.principal ?? {};
    const caller = userId === undefined ? {} : { userId, workspaceId, sessionId };
    const about = { traceId: trace.traceId, method, route, status, durationMs, ...caller };
    options.logger.info(about, 'request');
  }
}

const classes = ['', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** Of a request that was not sampled, what failed or was slow is kept all the same. */
function endTrace(request: FastifyRequest, status: number, durationMs: number): void {
  const { trace } = request;
  const error = status >= 500 ? String(status) : undefined;
  if (trace.span) {
    trace.span.setAttributes(attributesOf(request, status));
    closeTrace(trace, error);
  } else if (error !== undefined || durationMs > slowMs) {
    keepAfterwards(trace, {
      name: spanNameOf(request),
      kind: SpanKind.SERVER,
      durationMs,
      attributes: attributesOf(request, status),
      ...(error !== undefined && { error }),
    });
  }
}

/** Ten times the objective of a request. */
const slowMs = 1_000;

/** OpenTelemetry semantic conventions 1.45 for HTTP servers. No path and no address: both name people and things. */
function attributesOf(request: FastifyRequest, status: number): Attributes {
  const { url: route } = request.routeOptions;
  return {
    'http.request.method': request.method,
    'http.response.status_code': status,
    'url.scheme': request.protocol,
    'network.protocol.version': request.raw.httpVersion,
    ...(route !== undefined && { 'http.route': route }),
  };
}

function spanNameOf(request: FastifyRequest): string {
  const { url: route } = request.routeOptions;
  return route === undefined ? request.method : `${request.method} ${route}`;
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.raw.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** How late a timer is: what a request waits before any of its code runs. One timer, 20 times a second. */
function watchEventLoop(): { delayMs(): number; close(): void } {
  const periodMs = 50;
  let expected = performance.now() + periodMs;
  let delayMs = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    delayMs = Math.max(0, now - expected);
    expected = now + periodMs;
  }, periodMs).unref();
  return { delayMs: () => delayMs, close: () => clearInterval(timer) };
}
