import { Module } from '@nestjs/common';
import { ConnectionsModule } from './connections/connections.module.js';
import { IngestionModule } from './ingestion/ingestion.module.js';
import { MaintenanceModule } from './maintenance/maintenance.module.js';

/** The table of contents of this service. */
@Module({ imports: [ConnectionsModule, IngestionModule, MaintenanceModule] })
export class AppModule {}
