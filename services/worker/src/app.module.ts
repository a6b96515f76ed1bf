import { Module } from '@nestjs/common';
import { ConnectionsModule } from './connections/connections.module.js';
import { IngestionModule } from './ingestion/ingestion.module.js';
import { MaintenanceModule } from './maintenance/maintenance.module.js';
import { WorkspacesModule } from './workspaces/workspaces.module.js';

/** The table of contents of this service. */
@Module({ imports: [ConnectionsModule, IngestionModule, MaintenanceModule, WorkspacesModule] })
export class AppModule {}
