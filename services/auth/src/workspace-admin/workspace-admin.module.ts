import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { RevocationsModule } from '../revocations/revocations.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { StepUpModule } from '../step-up/step-up.module.js';
import { MembersService } from './members.service.js';
import { WorkspaceAdminService } from './workspace-admin.service.js';
import { WorkspacesGrpc } from './workspaces.grpc.js';

@Module({
  imports: [
    AccessModule,
    ApiKeysModule,
    AuditModule,
    RevocationsModule,
    SessionsModule,
    StepUpModule,
  ],
  controllers: [WorkspacesGrpc],
  providers: [WorkspaceAdminService, MembersService],
  exports: [WorkspaceAdminService],
})
export class WorkspaceAdminModule {}
