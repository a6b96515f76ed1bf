import { Global, Module } from '@nestjs/common';
import type { DynamicModule, Type } from '@nestjs/common';
import type { CommonConfig } from './config.js';
import { Health } from './health.js';
import type { Logger } from './log.js';

/** What a process hands to the code it runs. Made by `runService`; by a test for itself. */
export interface Service<Config extends CommonConfig = CommonConfig> {
  readonly name: string;
  readonly config: Config;
  readonly logger: Logger;
  readonly health: Health;
  /** Aborts when the process begins to stop: end streams, start nothing new. */
  readonly stopping: AbortSignal;
}

/** Tokens of what every module may inject without importing anything, besides the class `Health`. */
export const CONFIG = Symbol('CONFIG');
export const LOGGER = Symbol('LOGGER');
export const STOPPING = Symbol('STOPPING');

/** What Nest is started with: the service's own module, with CONFIG, LOGGER, STOPPING and Health around it. */
export function rootModule(service: Service, appModule: Type | DynamicModule): DynamicModule {
  return { module: RootModule, imports: [platformModule(service), appModule] };
}

@Module({})
class RootModule {}

@Global()
@Module({})
class PlatformModule {}

function platformModule(service: Service): DynamicModule {
  return {
    module: PlatformModule,
    providers: [
      { provide: CONFIG, useValue: service.config },
      { provide: LOGGER, useValue: service.logger },
      { provide: STOPPING, useValue: service.stopping },
      { provide: Health, useValue: service.health },
    ],
    exports: [CONFIG, LOGGER, STOPPING, Health],
  };
}
