import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from './log.js';
import { httpDuration, httpInFlight, httpShed } from './metrics.js';
import { Problem } from './problem.js';
import { closeTrace, currentTrace, openTrace, runInTrace } from './tracing.js';
import type { TraceContext } from './tracing.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Where this request stands in a trace, also where the async context was lost. */
    trace: TraceContext;
    /** See `becomeStream`. */
    isStream: boolean;
    leaveInFlight(): void;
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

/** On every answer, whoever makes it: an API serves no markup, is framed by nobody and cached by nobody. */
export const securityHeaders: readonly (readonly [string, string])[] = [
  ['strict-transport-security', 'max-age=31536000; includeSubDomains'],
  ['x-content-type-options', 'nosniff'],
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cache-control', 'no-store'],
];

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

/** For what Fastify answers before any hook runs, such as a path that cannot be decoded. */
export function answerFrameworkError(
  error: Error & { statusCode?: number },
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  setSecurityHeaders(reply.raw);
  const code = error.statusCode === 414 ? 'uri-too-long' : 'malformed-request';
  const problem = new Problem(code, { detail: 'The path cannot be read' });
  const { traceId } = openTrace(request.method, undefined);
  const document = problem.toDocument({ traceId });
  void reply.code(problem.status).headers(problem.toHeaders()).send(JSON.stringify(document));
}

/** For what never became a request: bytes that are not HTTP, headers too large or too slow. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const problem = new Problem(clientErrorCodes[error.code ?? ''] ?? 'malformed-request');
  const body = JSON.stringify(problem.toDocument({}));
  const headers = [
    ...securityHeaders,
    ...Object.entries(problem.toHeaders()),
    ['content-length', String(Buffer.byteLength(body))],
    ['connection', 'close'],
  ];
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${problem.status} Refused\r\n${head}\r\n${body}`);
}

const clientErrorCodes: Readonly<Record<string, 'headers-too-large' | 'request-timeout'>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
};

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

function setSecurityHeaders(response: ServerResponse): void {
  for (const [name, value] of securityHeaders) response.setHeader(name, value);
}

function finish(request: FastifyRequest, reply: FastifyReply, options: HttpEdgeOptions): void {
  const route = request.routeOptions.url ?? 'unknown';
  const status = reply.raw.headersSent ? reply.statusCode : 499;
  const milliseconds = reply.elapsedTime;
  if (!request.isStream) {
    httpDuration.observe({ route, method: request.method, status }, milliseconds / 1000);
  }
  const { trace } = request;
  if (trace.span) {
    trace.span.setAttributes({ 'http.route': route, 'http.response.status_code': status });
    closeTrace(trace, status >= 500 ? `status ${status}` : undefined);
  }
  if (options.logRequests) {
    const durationMs = Math.round(milliseconds * 100) / 100;
    const { method } = request;
    options.logger.info({ traceId: trace.traceId, method, route, status, durationMs }, 'request');
  }
}

function spanNameOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? ''}`;
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.raw.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** Remembers the routes as they are added; asked only when one was not found. */
function recordRoutes(fastify: FastifyInstance): (url: string) => readonly string[] {
  const methodsByTemplate = new Map<string, Set<string>>();
  fastify.addHook('onRoute', ({ url, method }) => {
    const methods = methodsByTemplate.get(url) ?? new Set();
    for (const name of [method].flat()) methods.add(name);
    methodsByTemplate.set(url, methods);
  });
  return (url) => {
    const path = url.split('?', 1)[0]!;
    const found = [...methodsByTemplate].filter(([template]) => matches(template, path));
    return [...new Set(found.flatMap(([, methods]) => [...methods]))].toSorted();
  };
}

/** Templates have whole-segment parameters (`:id`) and a trailing `*`, nothing finer. */
function matches(template: string, path: string): boolean {
  const wanted = template.split('/');
  const given = path.split('/');
  const isOpen = wanted.at(-1) === '*';
  if (isOpen ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every(
    (part, at) => part === '*' || (part.startsWith(':') ? given[at] !== '' : part === given[at]),
  );
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
