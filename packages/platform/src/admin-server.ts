import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Health } from './health.js';
import { registry } from './metrics.js';
import { Problem } from './problem.js';

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves /livez (the process answers), /readyz (it may get traffic) and /metrics on a port of its own, so that no
 * mistake in routing can show them to the public. Rejects when the port cannot be had.
 */
export async function startAdminServer(options: {
  host: string;
  port: number;
  health: Health;
}): Promise<AdminServer> {
  const server = createServer((request, response) => {
    answer(options.health, request, response).catch(() => {
      sendProblem(response, new Problem('internal'));
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

async function answer(health: Health, request: IncomingMessage, response: ServerResponse) {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return sendProblem(
      response,
      new Problem('method-not-allowed', { headers: { allow: 'GET, HEAD' } }),
    );
  }
  switch (request.url?.split('?', 1)[0] ?? '') {
    case '/livez':
      return send(response, 200, 'application/json', '{"status":"ok"}');
    case '/readyz': {
      const { ready, checks } = await health.readiness();
      const body = JSON.stringify({ status: ready ? 'ready' : 'not-ready', checks });
      return send(response, ready ? 200 : 503, 'application/json', body);
    }
    case '/metrics':
      return send(response, 200, registry.contentType, await registry.metrics());
    default:
      return sendProblem(response, new Problem('route-not-found'));
  }
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

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  if (response.headersSent) return void response.destroy();
  response.setHeader('content-type', contentType);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  response.statusCode = status;
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
