import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problemsAnswered } from './metrics.js';
import { Problem } from './problem.js';
import { openTrace } from './tracing.js';

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

export function setSecurityHeaders(response: ServerResponse): void {
  for (const [name, value] of securityHeaders) response.setHeader(name, value);
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
  problemsAnswered.inc({ door: 'http', code });
  const { traceId } = openTrace(request.method, undefined);
  const document = problem.toDocument({ traceId });
  void reply.code(problem.status).headers(problem.toHeaders()).send(JSON.stringify(document));
}

/** For what never became a request: bytes that are not HTTP, headers too large or too slow. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const problem = new Problem(clientErrorCodes[error.code ?? ''] ?? 'malformed-request');
  problemsAnswered.inc({ door: 'http', code: problem.code });
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
