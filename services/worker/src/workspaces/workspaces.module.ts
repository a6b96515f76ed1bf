import { Module } from '@nestjs/common';
import { WorkspacePurgeService } from './workspace-purge.service.js';
import { WorkspacesConsumer } from './workspaces.consumer.js';

@Module({ providers: [WorkspacePurgeService, WorkspacesConsumer] })
export class WorkspacesModule {}
