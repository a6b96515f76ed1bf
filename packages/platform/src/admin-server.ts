import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Health } from './health.js';
import type { Logger } from './log.js';
import { logLevels, parseLogLevel, setLogLevel } from './log-level.js';
import { scrape } from './metric-registry.js';
import { Problem } from './problem.js';
import type { RecentSpans } from './recent-spans.js';

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface AdminServerOptions {
  readonly host: string;
  readonly port: number;
  readonly health: Health;
  readonly logger: Logger;
  readonly recentSpans?: RecentSpans | undefined;
}

/**
 * Serves /livez (the process answers), /readyz (it may get traffic), /metrics, /loglevel and /traces on a port of its
 * own, so that no mistake in routing can show them to the public. Rejects when the port cannot be had.
 */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      sendProblem(response, error instanceof Problem ? error : new Problem('internal'));
    });
  });
  server.requestTimeout = 5_000;
  server.headersTimeout = 5_000;
  server.keepAliveTimeout = 65_000;

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  options: AdminServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://admin');
  if (pathname === '/loglevel' && request.method === 'PUT') {
    return changeLogLevel(options.logger, request, response);
  }
  assertReads(request, pathname === '/loglevel' ? 'GET, HEAD, PUT' : 'GET, HEAD');
  switch (pathname) {
    case '/livez':
      return sendJson(response, 200, { status: 'ok' });
    case '/readyz': {
      const { ready, checks } = await options.health.readiness();
      return sendJson(response, ready ? 200 : 503, {
        status: ready ? 'ready' : 'not-ready',
        checks,
      });
    }
    case '/metrics': {
      const { contentType, text } = await scrape();
      return send(response, 200, contentType, text);
    }
    case '/loglevel':
      return sendJson(response, 200, { level: options.logger.level });
    case '/traces':
      return sendJson(response, 200, tracesOf(options, searchParams.get('id')));
    default:
      throw new Problem('route-not-found');
  }
}

/** Without an id the traces seen last; with one the spans of it that this process has made. */
function tracesOf({ recentSpans }: AdminServerOptions, id: string | null) {
  if (!recentSpans) throw new Problem('route-not-found', { detail: 'TRACE_RECENT_SPANS is 0' });
  return id === null ? { traces: recentSpans.list() } : { spans: recentSpans.find(id) };
}

/** Only from this machine or pod: whoever reaches the port to scrape it must not be able to flood or blind the log. */
async function changeLogLevel(logger: Logger, request: IncomingMessage, response: ServerResponse) {
  if (!isLoopback(request.socket.remoteAddress)) throw new Problem('permission-denied');
  const level = parseLogLevel(await readText(request));
  if (!level) {
    const detail = `The body is one of ${logLevels.join(', ')}`;
    throw new Problem('validation-failed', { detail });
  }
  setLogLevel(logger, level);
  sendJson(response, 200, { level });
}

const mostBodyBytes = 100;

async function readText(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > mostBodyBytes) throw new Problem('payload-too-large');
  }
  return text;
}

function isLoopback(address: string | undefined): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address ?? '');
}

function assertReads({ method }: IncomingMessage, allow: string): void {
  if (method === 'GET' || method === 'HEAD') return;
  throw new Problem('method-not-allowed', { headers: { allow } });
}

function sendProblem(response: ServerResponse, problem: Problem): void {
  for (const [name, value] of Object.entries(problem.toHeaders())) response.setHeader(name, value);
  send(
    response,
    problem.status,
    problem.toHeaders()['content-type']!,
    JSON.stringify(problem.toDocument({})),
  );
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  send(response, status, 'application/json', JSON.stringify(body));
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  if (response.headersSent) return void response.destroy();
  response.setHeader('content-type', contentType);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  response.statusCode = status;
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
