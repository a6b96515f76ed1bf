import { Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Database } from '@capstone/platform/database';
import type { Logger } from '@capstone/platform/log';
import { OutboxRelay } from '@capstone/platform/outbox-relay';
import { JobQueues } from '@capstone/platform/queue';
import { LOGGER } from '@capstone/platform/service';
import { IdentityModule } from '../identity/identity.module.js';
import { EventLog } from './event-log.js';
import { EventStreams } from './event-streams.js';
import { EventsController } from './events.controller.js';

/** The way of everything that happens: outbox, relay, the workspace's stream in Redis, the clients that listen. */
@Module({
  imports: [IdentityModule],
  controllers: [EventsController],
  providers: [
    EventLog,
    EventStreams,
    {
      provide: OutboxRelay,
      inject: [Database, JobQueues, EventLog, LOGGER],
      useFactory: (database: Database, queues: JobQueues, log: EventLog, logger: Logger) =>
        new OutboxRelay({
          database,
          schema: 'app',
          queues,
          publishEvent: (workspaceId, _id, name, data) => log.append(workspaceId, name, data),
          logger,
        }),
    },
  ],
})
export class EventsModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(private readonly relay: OutboxRelay) {}

  onApplicationBootstrap() {
    this.relay.start();
  }

  async onModuleDestroy() {
    await this.relay.stop();
  }
}
