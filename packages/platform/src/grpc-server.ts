import { grpcAllow } from '@capstone/contracts/grpc-allow';
import { Server, logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import type {
  MethodDefinition,
  ServiceDefinition,
  UntypedServiceImplementation,
  handleUnaryCall,
  sendUnaryData,
} from '@grpc/grpc-js';
import { ServerGrpc } from '@nestjs/microservices';
import { service as healthService } from 'grpc-health-check';
import { ReloadingServerCredentials } from './grpc-credentials.js';
import { methodsOf, nameOf, packagesOf } from './grpc-definitions.js';
import { assertMatrixComplete, guardCalls } from './grpc-guard.js';
import type { AllowMatrix } from './grpc-guard.js';
import type { Health } from './health.js';
import type { Logger } from './log.js';
import type { ReloadingTls } from './tls.js';

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
      interceptors: [guardCalls(transport.allow ?? grpcAllow, transport.tls, transport.logger)],
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
