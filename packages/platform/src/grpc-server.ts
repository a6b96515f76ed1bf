import { X509Certificate } from 'node:crypto';
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import { grpcAllow } from '@capstone/contracts/grpc-allow';
import type { Workload } from '@capstone/contracts/grpc-allow';
import {
  ResponderBuilder,
  Server,
  ServerInterceptingCall,
  ServerListenerBuilder,
  logVerbosity,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js';
import type {
  MethodDefinition,
  ServerInterceptingCallInterface,
  ServerInterceptor,
  ServiceDefinition,
  UntypedServiceImplementation,
  handleUnaryCall,
  sendUnaryData,
} from '@grpc/grpc-js';
import { ServerGrpc } from '@nestjs/microservices';
import { SpanKind } from '@opentelemetry/api';
import { service as healthService } from 'grpc-health-check';
import { ReloadingServerCredentials } from './grpc-credentials.js';
import type { Health } from './health.js';
import type { Logger } from './log.js';
import { grpcServerDuration, stopwatch } from './metrics.js';
import { Problem } from './problem.js';
import { toGrpcStatus } from './problem-grpc.filter.js';
import { identityOf } from './spiffe.js';
import type { ReloadingTls } from './tls.js';
import { closeTrace, openTrace, runInTrace } from './tracing.js';
import type { TraceContext } from './tracing.js';

export type AllowMatrix = Readonly<Record<string, readonly Workload[]>>;

export interface GrpcTransportOptions {
  readonly host: string;
  readonly port: number;
  /** The generated definitions of the services this process serves, such as AccountsServiceService. */
  readonly services: readonly ServiceDefinition[];
  readonly tls: ReloadingTls;
  readonly health: Health;
  readonly logger: Logger;
  /** For tests; the contract's matrix otherwise. */
  readonly allow?: AllowMatrix;
  readonly maxReceiveBytes?: number;
  readonly maxConcurrentStreams?: number;
  readonly maxConnectionAgeMs?: number;
  readonly maxConnectionAgeGraceMs?: number;
  /** How long calls may finish after `close`. */
  readonly drainTimeoutMs?: number;
}

/**
 * Nest's gRPC transport as this system runs it: mutual TLS that renews itself, every method allowed by identity below
 * Nest, limits, health, and a drain with an end. Use as `{ strategy: new GrpcTransport(…) }`. Throws when the allow
 * matrix and the services disagree, or when a method has no handler.
 */
export class GrpcTransport extends ServerGrpc {
  private server: Server | undefined;
  private boundPort: number | undefined;

  constructor(private readonly transport: GrpcTransportOptions) {
    super({
      url: `${transport.host}:${transport.port}`,
      package: packagesOf(transport.services),
      packageDefinition: packageDefinitionOf(transport.services, transport.logger),
    });
    assertMatrixComplete(transport.services, transport.allow ?? grpcAllow);
  }

  /** The port in use, once listening: the one asked for, or the one the system chose for 0. */
  get port(): number {
    if (this.boundPort === undefined) throw new Error('The gRPC server is not listening');
    return this.boundPort;
  }

  override async createClient(): Promise<Server> {
    const { transport } = this;
    // grpc-js would write what it also throws to standard error.
    setLogVerbosity(logVerbosity.NONE);
    const server = new Server({
      'grpc.max_receive_message_length': transport.maxReceiveBytes ?? 1_048_576,
      'grpc.max_concurrent_streams': transport.maxConcurrentStreams ?? 256,
      // A renewed CA or a revoked certificate takes effect on live connections no later than this.
      'grpc.max_connection_age_ms': transport.maxConnectionAgeMs ?? 900_000,
      'grpc.max_connection_age_grace_ms': transport.maxConnectionAgeGraceMs ?? 30_000,
      'grpc.keepalive_time_ms': 60_000,
      'grpc.keepalive_timeout_ms': 10_000,
      interceptors: [guardCalls(transport)],
    });
    server.addService({ Check: healthService['Check']! }, healthCheck(transport.health));
    this.boundPort = await bind(server, this.url, new ReloadingServerCredentials(transport.tls));
    this.server = server;
    return server;
  }

  /** Nest leaves a method without handler out, to be found by the first caller. Found here instead. */
  override async createService(
    service: { service: ServiceDefinition },
    name: string,
  ): Promise<UntypedServiceImplementation> {
    const handlers = (await super.createService(service, name)) as UntypedServiceImplementation;
    const missing = Object.keys(service.service).filter((method) => !(method in handlers));
    if (missing.length > 0) throw new Error(`${name} has no handler for ${missing.join(', ')}`);
    return handlers;
  }

  override async close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    this.grpcClient = null;
    if (server) await drain(server, this.transport.drainTimeoutMs ?? 5_000);
  }
}

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
function guardCalls(transport: GrpcTransportOptions): ServerInterceptor {
  const { namespace } = transport.tls.current.identity;
  const allow = compileMatrix(transport.allow ?? grpcAllow);
  const { logger } = transport;

  return (method, call) => {
    const elapsed = stopwatch();
    const peer = peerIdentity(call, namespace);
    if (peer === undefined || !allow.get(method.path)?.has(peer)) {
      logger.warn(
        { method: method.path, peer: peer ?? 'unknown', from: call.getPeer() },
        'peer denied',
      );
      grpcServerDuration.observe({ method: method.path, status: 'PERMISSION_DENIED' }, elapsed());
      return refuse(call, new Problem('peer-denied'));
    }
    return observe(call, method.path, (code, trace) => {
      const seconds = elapsed();
      grpcServerDuration.observe({ method: method.path, status: status[code] }, seconds);
      logger.debug(
        { method: method.path, peer, status: status[code], seconds, traceId: trace?.traceId },
        'call',
      );
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
    if (trace) closeTrace(trace, code === status.OK ? undefined : status[code]);
    report(code, trace);
  };
  const listener = new ServerListenerBuilder()
    .withOnReceiveMetadata((metadata, next) => {
      trace = openTrace(path, metadata.get('traceparent')[0]?.toString(), SpanKind.SERVER);
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

/** ts-proto names methods in camelCase; Nest looks them up by the names of the proto file. */
function packageDefinitionOf(services: readonly ServiceDefinition[], logger: Logger) {
  return Object.fromEntries(
    services.map((service) => [
      nameOf(service),
      Object.fromEntries(
        methodsOf(service).map((method) => [
          method.path.split('/')[2]!,
          { ...method, responseSerialize: loggingFaults(method, logger) },
        ]),
      ),
    ]),
  );
}

/** A handler's answer that does not fit its message is a bug that grpc-js (1.14) tells the client of, and nobody here. */
function loggingFaults(
  { path, responseSerialize }: MethodDefinition<unknown, unknown>,
  logger: Logger,
) {
  return (answer: unknown) => {
    try {
      return responseSerialize(answer);
    } catch (error) {
      logger.error({ err: error, method: path }, 'answer does not fit its message');
      throw error;
    }
  };
}

function packagesOf(services: readonly ServiceDefinition[]): string[] {
  return [...new Set(services.map((service) => nameOf(service).replace(/\.[^.]+$/, '')))];
}

function nameOf(service: ServiceDefinition): string {
  const [first] = pathsOf(service);
  if (first === undefined) throw new Error('A gRPC service without methods cannot be served');
  return first.split('/')[1]!;
}

function pathsOf(service: ServiceDefinition): string[] {
  return methodsOf(service).map((method) => method.path);
}

function methodsOf(service: ServiceDefinition): MethodDefinition<unknown, unknown>[] {
  return Object.values(service) as MethodDefinition<unknown, unknown>[];
}

function healthCheck(health: Health): UntypedServiceImplementation {
  const check: handleUnaryCall<unknown, { status: string }> = (_call, callback) => {
    void answerHealth(health, callback);
  };
  return { Check: check };
}

async function answerHealth(health: Health, callback: sendUnaryData<{ status: string }>) {
  const { ready } = await health.readiness();
  callback(null, { status: ready ? 'SERVING' : 'NOT_SERVING' });
}

function bind(server: Server, url: string, credentials: ReloadingServerCredentials) {
  return new Promise<number>((resolve, reject) => {
    server.bindAsync(url, credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}

async function drain(server: Server, timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, timeoutMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
