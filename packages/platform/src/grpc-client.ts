import { setTimeout as sleep } from 'node:timers/promises';
import type { Workload } from '@capstone/contracts/grpc-allow';
import type { ProblemCode } from '@capstone/contracts/problems';
import { Channel, Client, Metadata, status } from '@grpc/grpc-js';
import type { MethodDefinition, ServiceDefinition, ServiceError } from '@grpc/grpc-js';
import { SpanKind } from '@opentelemetry/api';
import { ReloadingChannelCredentials } from './grpc-credentials.js';
import { grpcClientDuration, stopwatch } from './metrics.js';
import { Problem } from './problem.js';
import { fromGrpcStatus } from './problem-grpc.filter.js';
import type { ReloadingTls } from './tls.js';
import { currentTraceparent, withSpan } from './tracing.js';

export interface GrpcChannelOptions {
  /** DNS name and port, such as localhost:7070. Several addresses behind the name share the calls. */
  readonly target: string;
  readonly tls: ReloadingTls;
  /** Who must answer, by its certificate. */
  readonly server: Workload;
  /** Time for a call with its retries, unless the call says otherwise. */
  readonly deadlineMs?: number;
}

export interface GrpcChannel {
  readonly client: Client;
  readonly deadlineMs: number;
  close(): void;
}

export interface CallOptions {
  readonly deadlineMs?: number;
  /** Sent along; `authorization` speaks for a user. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The methods of a generated service definition as promises. Each rejects with a Problem, or with a bug. */
export type GrpcClient<Service> = {
  readonly [Method in keyof Service]: Service[Method] extends {
    requestSerialize: (request: infer Request) => Buffer;
    responseDeserialize: (bytes: Buffer) => infer Response;
  }
    ? (request: Request, options?: CallOptions) => Promise<Response>
    : never;
};

/** Opens a connection to another workload; it is made when first needed, and remade when lost. */
export function openGrpcChannel(options: GrpcChannelOptions): GrpcChannel {
  const credentials = new ReloadingChannelCredentials(options.tls, options.server);
  const channel = new Channel(options.target, credentials, {
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    'grpc.max_receive_message_length': 1_048_576,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 5_000,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 10_000,
  });
  const client = new Client(options.target, credentials, { channelOverride: channel });
  return { client, deadlineMs: options.deadlineMs ?? 2_000, close: () => client.close() };
}

/**
 * A typed client over `channel`. Methods named in `idempotent` are tried again while the peer cannot be reached and
 * time is left; a Problem the peer answered with is never retried.
 */
export function createGrpcClient<Service extends ServiceDefinition>(
  service: Service,
  channel: GrpcChannel,
  options: { readonly idempotent?: readonly (keyof Service & string)[] } = {},
): GrpcClient<Service> {
  const retried = new Set<string>(options.idempotent);
  const methods = Object.entries(service).map(([name, definition]) => {
    const method = definition as MethodDefinition<unknown, unknown>;
    const call = (request: unknown, callOptions: CallOptions = {}) =>
      withSpan(
        method.path.slice(1),
        { 'rpc.system.name': 'grpc', 'rpc.method': method.path.slice(1) },
        () => callWithin(channel, method, request, callOptions, retried.has(name)),
        SpanKind.CLIENT,
      );
    return [name, call] as const;
  });
  return Object.fromEntries(methods) as GrpcClient<Service>;
}

const firstRetryMs = 50;
const mostAttempts = 4;

async function callWithin(
  channel: GrpcChannel,
  method: MethodDefinition<unknown, unknown>,
  request: unknown,
  options: CallOptions,
  mayRetry: boolean,
): Promise<unknown> {
  const elapsed = stopwatch();
  const deadline = Date.now() + (options.deadlineMs ?? channel.deadlineMs);
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await callOnce(channel.client, method, request, options, deadline);
      grpcClientDuration.observe({ method: method.path, status: 'OK' }, elapsed());
      return answer;
    } catch (error) {
      const failure = error as ServiceError;
      const backoffMs = firstRetryMs * 2 ** (attempt - 1) * (0.5 + Math.random());
      const unreachable = failure.code === status.UNAVAILABLE && !fromGrpcStatus(failure);
      const timeLeft = Date.now() + backoffMs < deadline;
      if (!mayRetry || !unreachable || !timeLeft || attempt === mostAttempts) {
        const label = status[failure.code] ?? 'UNKNOWN';
        grpcClientDuration.observe({ method: method.path, status: label }, elapsed());
        throw options.signal?.aborted ? options.signal.reason : toProblem(failure, method.path);
      }
      await sleep(backoffMs);
    }
  }
}

function callOnce(
  client: Client,
  method: MethodDefinition<unknown, unknown>,
  request: unknown,
  options: CallOptions,
  deadline: number,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const { signal } = options;
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadataFor(options),
      { deadline },
      (error, answer) => {
        signal?.removeEventListener('abort', cancel);
        if (error) reject(error);
        else resolve(answer);
      },
    );
    const cancel = () => call.cancel();
    if (signal?.aborted) cancel();
    else signal?.addEventListener('abort', cancel, { once: true });
  });
}

function metadataFor(options: CallOptions): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
  const traceparent = currentTraceparent();
  if (traceparent !== undefined) metadata.set('traceparent', traceparent);
  return metadata;
}

function toProblem(error: ServiceError, path: string): Error {
  const code = transportCodes[error.code];
  const problem = fromGrpcStatus(error) ?? (code && new Problem(code, { cause: error }));
  if (problem) return problem;
  return new Error(`${path} failed with ${status[error.code] ?? 'no status'}`, { cause: error });
}

/** What the absence of an answer means. A peer that is killed or forced to stop cancels its calls. */
const transportCodes: Partial<Record<status, ProblemCode>> = {
  [status.UNAVAILABLE]: 'dependency-unavailable',
  [status.CANCELLED]: 'dependency-unavailable',
  [status.DEADLINE_EXCEEDED]: 'deadline-exceeded',
};
