import { Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from '@capstone/platform/log';
import { CONFIG, type Config } from './config.js';
import { ConnectionsModule } from './connections/connections.module.js';
import { LOGGER } from './connections/tokens.js';

/** The table of contents of this service. */
@Module({})
export class AppModule {
  static with(config: Config, logger: Logger): DynamicModule {
    return {
      module: AppModule,
      global: true,
      imports: [ConnectionsModule],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
      ],
      exports: [CONFIG, LOGGER],
    };
  }
}
