import { Module } from '@nestjs/common';
import { ConnectionsModule } from '../connections/connections.module.js';
import { KeysModule } from '../keys/keys.module.js';

/** What commands need of the service, without its port. */
@Module({ imports: [ConnectionsModule, KeysModule] })
export class CommandsModule {}
