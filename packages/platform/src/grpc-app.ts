import type { ServiceDefinition } from '@grpc/grpc-js';
import type { DynamicModule, INestMicroservice, Type } from '@nestjs/common';
import { StandardSchemaValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomStrategy } from '@nestjs/microservices';
import { GrpcTransport } from './grpc-server.js';
import type { GrpcTransportOptions } from './grpc-server.js';
import { NestLog } from './log.js';
import { validationExceptionFactory } from './problem.js';
import { ProblemGrpcFilter } from './problem-grpc.filter.js';
import { rootModule } from './service.js';
import type { Service } from './service.js';
import { ReloadingTls } from './tls.js';

export interface GrpcAppOptions extends Partial<GrpcTransportOptions> {
  readonly host: string;
  readonly port: number;
  readonly services: readonly ServiceDefinition[];
}

export interface GrpcApp {
  readonly nest: INestMicroservice;
  /** Rejects when the port cannot be had. Resolves to the port in use. */
  listen(): Promise<number>;
  /** Refuses new calls, finishes the running ones, closes what the modules opened. */
  close(): Promise<void>;
}

/** A service behind mutual TLS: Nest handlers of generated definitions. Initialised, not listening. */
export async function createGrpcApp(
  appModule: Type | DynamicModule,
  service: Service,
  options: GrpcAppOptions,
): Promise<GrpcApp> {
  const { logger, health, config } = service;
  const tls = options.tls ?? (await ReloadingTls.open(config.tls, { logger }));
  health.register('certificate', tls.checkRemainingLife);
  const strategy = new GrpcTransport({ logger, health, ...options, tls });

  const nest = await NestFactory.createMicroservice<CustomStrategy>(
    rootModule(service, appModule),
    { strategy, logger: new NestLog(logger), abortOnError: false },
  );
  nest.useGlobalFilters(new ProblemGrpcFilter(logger));
  nest.useGlobalPipes(
    new StandardSchemaValidationPipe({ exceptionFactory: validationExceptionFactory }),
  );
  await nest.init();

  return {
    nest,
    async listen() {
      await nest.listen();
      return strategy.port;
    },
    async close() {
      await nest.close();
      if (!options.tls) tls.close();
    },
  };
}
