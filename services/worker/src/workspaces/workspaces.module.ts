import { Module } from '@nestjs/common';
import { WorkspaceExportService } from './workspace-export.service.js';
import { WorkspacePurgeService } from './workspace-purge.service.js';
import { WorkspacesConsumer } from './workspaces.consumer.js';

@Module({ providers: [WorkspaceExportService, WorkspacePurgeService, WorkspacesConsumer] })
export class WorkspacesModule {}
