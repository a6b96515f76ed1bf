import { X509Certificate } from 'node:crypto';
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import type { Workload } from '@capstone/contracts/grpc-allow';
import {
  ResponderBuilder,
  ServerInterceptingCall,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import type {
  ServerInterceptingCallInterface,
  ServerInterceptor,
  ServiceDefinition,
} from '@grpc/grpc-js';
import { SpanKind } from '@opentelemetry/api';
import { service as healthService } from 'grpc-health-check';
import { nameOf, pathsOf } from './grpc-definitions.js';
import type { Logger } from './log.js';
import { grpcServerDuration, observeTraced, problemsAnswered, stopwatch } from './metrics.js';
import { Problem } from './problem.js';
import { toGrpcStatus } from './problem-grpc.filter.js';
import { identityOf } from './spiffe.js';
import type { ReloadingTls } from './tls.js';
import { closeTrace, openTrace, runInTrace } from './tracing.js';
import type { TraceContext } from './tracing.js';

/** Which workload may call which method, by full path. What is not in it is denied. */
export type AllowMatrix = Readonly<Record<string, readonly Workload[]>>;

/** Who calls, as the certificate of the connection says; undefined for a stranger. Parsed once per connection. */
export function peerIdentity(
  call: Pick<ServerInterceptingCallInterface, 'getAuthContext'>,
  namespace: string,
): Workload | undefined {
  const session = sessionOf(call);
  if (session && identities.has(session)) return identities.get(session);
  const raw = call.getAuthContext().sslPeerCertificate?.raw;
  const identity = raw && identityOf(new X509Certificate(raw));
  const workload = identity?.namespace === namespace ? identity.workload : undefined;
  if (session) identities.set(session, workload);
  return workload;
}

// getAuthContext parses the certificate anew each time, about 55 µs, half the price of a call.
const identities = new WeakMap<Http2Session, Workload | undefined>();

/** grpc-js keeps the stream private (1.14.7); without it the identity is read on every call, slower but right. */
function sessionOf(call: unknown): Http2Session | undefined {
  return (call as { stream?: ServerHttp2Stream }).stream?.session ?? undefined;
}

/** One interceptor for what concerns every call: who may, how long it took, which trace it belongs to. */
export function guardCalls(
  matrix: AllowMatrix,
  tls: ReloadingTls,
  logger: Logger,
): ServerInterceptor {
  const { namespace } = tls.current.identity;
  const allow = compileMatrix(matrix);

  return (method, call) => {
    const elapsed = stopwatch();
    const peer = peerIdentity(call, namespace);
    if (peer === undefined || !allow.get(method.path)?.has(peer)) {
      logger.warn(
        { method: method.path, peer: peer ?? 'unknown', from: call.getPeer() },
        'peer denied',
      );
      const denied = { method: method.path, status: 'PERMISSION_DENIED' };
      observeTraced(grpcServerDuration, denied, elapsed(), undefined);
      problemsAnswered.inc({ door: 'grpc', code: 'peer-denied' });
      return refuse(call, new Problem('peer-denied'));
    }
    return observe(call, method.path, (code, trace) => {
      const seconds = elapsed();
      const labels = { method: method.path, status: status[code] };
      observeTraced(grpcServerDuration, labels, seconds, trace);
      const durationMs = Math.round(seconds * 100_000) / 100;
      // Probes come every few seconds for ever.
      const level = method.path === healthPath ? 'debug' : 'info';
      logger[level]({ ...labels, peer, durationMs, traceId: trace?.traceId }, 'call');
    });
  };
}

function refuse(call: ServerInterceptingCallInterface, problem: Problem): ServerInterceptingCall {
  const listener = new ServerListenerBuilder()
    .withOnReceiveMetadata(() => call.sendStatus(toGrpcStatus(problem)))
    .build();
  const responder = new ResponderBuilder().withStart((next) => next(listener)).build();
  return new ServerInterceptingCall(call, responder);
}

const healthPath = healthService['Check']!.path;

/** Runs the handler inside the caller's trace, and reports once how it ended. */
function observe(
  call: ServerInterceptingCallInterface,
  path: string,
  report: (code: status, trace: TraceContext | undefined) => void,
): ServerInterceptingCall {
  let trace: TraceContext | undefined;
  let isOver = false;
  const end = (code: status) => {
    if (isOver) return;
    isOver = true;
    trace?.span?.setAttribute('rpc.status_code', status[code]);
    if (trace) closeTrace(trace, serverFaults.has(code) ? status[code] : undefined);
    report(code, trace);
  };
  const listener = new ServerListenerBuilder()
    .withOnReceiveMetadata((metadata, next) => {
      const traceparent = metadata.get('traceparent')[0]?.toString();
      trace = openTrace(path.slice(1), traceparent, SpanKind.SERVER);
      trace.span?.setAttributes({ 'rpc.system.name': 'grpc', 'rpc.method': path.slice(1) });
      runInTrace(trace, () => next(metadata));
    })
    // grpc-js starts the handler of a unary call when the client has said all.
    .withOnReceiveHalfClose((next) => (trace ? runInTrace(trace, next) : next()))
    // Comes after every call; alone when the client left, the deadline passed or a message could not be read.
    .withOnCancel(() => end(status.CANCELLED))
    .build();
  const responder = new ResponderBuilder()
    .withStart((next) => next(listener))
    .withSendStatus((answer, next) => {
      end(answer.code);
      next(answer);
    })
    .build();
  return new ServerInterceptingCall(call, responder);
}

/** What OpenTelemetry's conventions count as the server's fault; a refusal is an answer. */
const serverFaults: ReadonlySet<status> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

/** Throws unless every served method is in the matrix, and every entry for a served service names a method of it. */
export function assertMatrixComplete(
  services: readonly ServiceDefinition[],
  allow: AllowMatrix,
): void {
  const methods = new Set([healthService, ...services].flatMap(pathsOf));
  const served = new Set(services.map(nameOf));
  const missing = services.flatMap(pathsOf).filter((path) => !Object.hasOwn(allow, path));
  const unknown = Object.keys(allow).filter(
    (path) => served.has(path.split('/')[1]!) && !methods.has(path),
  );
  if (missing.length > 0) {
    throw new Error(`Methods that nobody is allowed to call or not: ${missing.join(', ')}`);
  }
  if (unknown.length > 0) {
    throw new Error(`Entries of the allow matrix that name no method: ${unknown.join(', ')}`);
  }
}

function compileMatrix(allow: AllowMatrix): ReadonlyMap<string, ReadonlySet<Workload>> {
  return new Map(Object.entries(allow).map(([path, workloads]) => [path, new Set(workloads)]));
}
