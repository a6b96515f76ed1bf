import { BlockList, isIPv6 } from 'node:net';
import type { DynamicModule, Type } from '@nestjs/common';
import { StandardSchemaValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { addHttpEdge } from './http-edge.js';
import { acceptJsonOnly } from './json-body.js';
import { NestLog } from './log.js';
import { validationExceptionFactory } from './problem.js';
import { ProblemHttpFilter } from './problem-http.filter.js';
import { answerClientError, answerFrameworkError } from './raw-answers.js';
import { rootModule } from './service.js';
import type { Service } from './service.js';

export interface HttpAppOptions {
  /** Proxies of ours in front: the client's address is read at most `hops` back, and only past these networks. */
  readonly trustedProxies?: { readonly hops: number; readonly networks: readonly string[] };
  readonly bodyLimitBytes?: number;
  readonly maxJsonDepth?: number;
  readonly maxUrlLength?: number;
  readonly requestTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  readonly keepAliveTimeoutMs?: number;
  readonly connectionTimeoutMs?: number;
  readonly maxInFlight?: number;
  readonly maxEventLoopDelayMs?: number;
  readonly logRequests?: boolean;
  /** How long requests may finish after `close`; then their connections are cut. */
  readonly drainTimeoutMs?: number;
  /** Plugins and hooks of the service's own, after the platform's and before any route. */
  readonly configure?: (fastify: FastifyInstance) => void | Promise<void>;
}

export interface HttpApp {
  readonly nest: NestFastifyApplication;
  readonly fastify: FastifyInstance;
  /** Rejects when the port cannot be had. Resolves to the port in use. */
  listen(host: string, port: number): Promise<number>;
  /** Refuses new requests, finishes the running ones, closes what the modules opened. */
  close(): Promise<void>;
}

/** The public door: Nest on Fastify with every limit set, problem documents, traces, metrics. Initialised, not listening. */
export async function createHttpApp(
  appModule: Type | DynamicModule,
  service: Service,
  options: HttpAppOptions = {},
): Promise<HttpApp> {
  const server = createFastify(options);
  const edge = addHttpEdge(server, {
    logger: service.logger,
    logRequests: options.logRequests ?? true,
    maxUrlLength: options.maxUrlLength ?? 4_096,
    maxInFlight: options.maxInFlight ?? 1_000,
    maxEventLoopDelayMs: options.maxEventLoopDelayMs ?? 500,
  });
  acceptJsonOnly(server, { maxDepth: options.maxJsonDepth ?? 32 });
  await options.configure?.(server);

  const nest = await NestFactory.create<NestFastifyApplication>(
    rootModule(service, appModule),
    new FastifyAdapter(server),
    { logger: new NestLog(service.logger), bodyParser: false, abortOnError: false },
  );
  nest.useGlobalFilters(new ProblemHttpFilter(service.logger));
  nest.useGlobalPipes(
    new StandardSchemaValidationPipe({ exceptionFactory: validationExceptionFactory }),
  );
  await nest.init();
  await server.ready();

  return {
    nest,
    fastify: server,
    async listen(host, port) {
      await nest.listen(port, host);
      return (server.server.address() as { port: number }).port;
    },
    async close() {
      edge.drain();
      const cut = setTimeout(
        () => server.server.closeAllConnections(),
        options.drainTimeoutMs ?? 5_000,
      );
      await nest.close();
      clearTimeout(cut);
      edge.close();
    },
  };
}

function createFastify(options: HttpAppOptions): FastifyInstance {
  return fastify({
    logger: false,
    genReqId: () => '',
    requestIdHeader: false,
    bodyLimit: options.bodyLimitBytes ?? 1_048_576,
    trustProxy: options.trustedProxies ? trustOnly(options.trustedProxies) : false,
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    // Longer than a load balancer's idle time, or it meets connections that just closed.
    keepAliveTimeout: options.keepAliveTimeoutMs ?? 65_000,
    connectionTimeout: options.connectionTimeoutMs ?? 60_000,
    http: {
      headersTimeout: options.headersTimeoutMs ?? 10_000,
      // Twice Node's own: a bearer token of absurd length is answered as a bad token, not as a bad request.
      maxHeaderSize: 32_768,
      connectionsCheckingInterval: 1_000,
    },
    // The edge answers while draining, with a problem document.
    return503OnClosing: false,
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientError,
  });
}

/** Fastify (5.12) trusts nobody for a bare hop count: without the peers' networks anybody could claim to be a proxy. */
function trustOnly(proxies: { hops: number; networks: readonly string[] }) {
  const trusted = new BlockList();
  for (const network of proxies.networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    trusted.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return (address: string, hop: number) =>
    hop < proxies.hops && trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
