import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ConnectionsModule } from '../connections/connections.module.js';
import { KeysModule } from '../keys/keys.module.js';

/** What commands need of the service, without its port. */
@Module({ imports: [AuditModule, ConnectionsModule, KeysModule] })
export class CommandsModule {}
