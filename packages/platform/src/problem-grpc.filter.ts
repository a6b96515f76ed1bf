import { problems } from '@capstone/contracts/problems';
import { Metadata, status } from '@grpc/grpc-js';
import type { StatusObject } from '@grpc/grpc-js';
import { Catch } from '@nestjs/common';
import type { ExceptionFilter } from '@nestjs/common';
import { throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Logger } from './log.js';
import { problemsAnswered } from './metrics.js';
import { Problem, isProblemCode } from './problem.js';
import type { ProblemFault } from './problem.js';

/** The gRPC edge: a Problem becomes a status with its code in the trailing metadata, anything else a bare INTERNAL. */
@Catch()
export class ProblemGrpcFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(exception: unknown): Observable<never> {
    const problem = exception instanceof Problem ? exception : new Problem('internal');
    if (problem !== exception) this.logger.error({ err: exception }, 'call failed unexpectedly');
    problemsAnswered.inc({ door: 'grpc', code: problem.code });
    return throwError(() => toGrpcStatus(problem));
  }
}

/** What goes over the wire instead of `problem`. Read back by `fromGrpcStatus`. */
export function toGrpcStatus(problem: Problem): StatusObject {
  const { grpc, title } = problems[problem.code];
  const metadata = new Metadata();
  metadata.set('problem-code', problem.code);
  if (problem.detail !== undefined) {
    metadata.set('problem-detail-bin', Buffer.from(problem.detail.slice(0, longestDetail)));
  }
  if (problem.retryAfterSeconds !== undefined) {
    metadata.set('problem-retry-after', String(problem.retryAfterSeconds));
  }
  if (problem.errors) {
    metadata.set('problem-errors-bin', Buffer.from(JSON.stringify(fitting(problem.errors))));
  }
  return { code: status[grpc as keyof typeof status], details: title, metadata };
}

/** The Problem a peer meant, or undefined when the status did not come from a Problem. */
export function fromGrpcStatus(answer: Partial<StatusObject>): Problem | undefined {
  const code = textOf(answer.metadata, 'problem-code');
  if (code === undefined || !isProblemCode(code)) return undefined;
  const retryAfter = Number(textOf(answer.metadata, 'problem-retry-after') ?? NaN);
  return new Problem(code, {
    detail: textOf(answer.metadata, 'problem-detail-bin'),
    errors: parseFaults(textOf(answer.metadata, 'problem-errors-bin')),
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
  });
}

// Trailers share one 8 KiB budget (grpc-js default) with everything else in them.
const longestDetail = 1_000;
const mostFaultBytes = 4_000;

function fitting(faults: readonly ProblemFault[]): readonly ProblemFault[] {
  let bytes = 0;
  return faults.filter((fault) => {
    bytes += Buffer.byteLength(JSON.stringify(fault));
    return bytes <= mostFaultBytes;
  });
}

function textOf(metadata: Metadata | undefined, key: string): string | undefined {
  return metadata?.get(key)[0]?.toString();
}

function parseFaults(json: string | undefined): ProblemFault[] | undefined {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json) as ProblemFault[];
  } catch {
    return undefined;
  }
}
