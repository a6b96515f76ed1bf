import type { ProblemCode } from '@capstone/contracts/problems';
import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from './log.js';
import { problemsAnswered } from './metrics.js';
import { Problem } from './problem.js';

/** The HTTP edge: everything thrown becomes a problem document; what nobody expected becomes a bare 500, logged once. */
@Catch()
export class ProblemHttpFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    sendProblem(request, reply, this.translate(exception, request));
  }

  private translate(exception: unknown, request: FastifyRequest): Problem {
    const problem = toProblem(exception, request);
    if (problem.code === 'internal') {
      const { traceId } = request.trace;
      this.logger.error({ err: exception, traceId }, 'request failed unexpectedly');
    }
    return problem;
  }
}

/** Answers with `problem`. If the answer has begun already, the connection is cut: a half answer must not look whole. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): void {
  if (reply.raw.headersSent) return void reply.raw.destroy();
  problemsAnswered.inc({ door: 'http', code: problem.code });
  const instance = request.raw.url?.split('?', 1)[0];
  const document = problem.toDocument({ instance, traceId: request.trace.traceId });
  void reply.code(problem.status).headers(problem.toHeaders()).send(JSON.stringify(document));
}

/** What was thrown as a Problem: itself, the framework's refusal of a request, or `internal`. */
export function toProblem(exception: unknown, request: FastifyRequest): Problem {
  if (exception instanceof Problem) return exception;
  const status = statusOf(exception);
  if (status === undefined || status >= 500) return new Problem('internal', { cause: exception });
  if (status === 404) return routeProblem(request);
  return new Problem(codeFor(status), { detail: details[frameworkCodeOf(exception)] });
}

/** 405 with Allow where the path exists under another method, else 404. */
function routeProblem(request: FastifyRequest): Problem {
  const allowed = request.server.allowedMethods(request.raw.url ?? '/');
  if (allowed.length === 0) return new Problem('route-not-found');
  return new Problem('method-not-allowed', { headers: { allow: allowed.join(', ') } });
}

/** Nest's exceptions, Fastify's errors (Nest wraps those below 500) and http-errors all carry a status somewhere. */
function statusOf(exception: unknown): number | undefined {
  if (exception instanceof HttpException) return exception.getStatus();
  if (!(exception instanceof Error)) return undefined;
  const { statusCode } = exception as { statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 400 ? statusCode : undefined;
}

function frameworkCodeOf(exception: unknown): string {
  const source = exception instanceof HttpException ? exception.cause : exception;
  const { code } = (source ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

function codeFor(status: number): ProblemCode {
  return codes[status] ?? 'malformed-request';
}

const codes: Readonly<Record<number, ProblemCode>> = {
  400: 'malformed-request',
  401: 'token-invalid',
  403: 'permission-denied',
  405: 'method-not-allowed',
  406: 'not-acceptable',
  408: 'request-timeout',
  409: 'conflict',
  413: 'payload-too-large',
  414: 'uri-too-long',
  415: 'unsupported-media-type',
  422: 'validation-failed',
  429: 'rate-limited',
  431: 'headers-too-large',
};

/** Our words for Fastify's codes: its own messages may quote the body. */
const details: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The body is not as long as Content-Length says',
  FST_ERR_BAD_URL: 'The path is not valid percent-encoding',
};
