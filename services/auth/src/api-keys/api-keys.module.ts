import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { RevocationsModule } from '../revocations/revocations.module.js';
import { StepUpModule } from '../step-up/step-up.module.js';
import { WorkspacesModule } from '../workspaces/workspaces.module.js';
import { ApiKeysGrpc } from './api-keys.grpc.js';
import { ApiKeysService } from './api-keys.service.js';

@Module({
  imports: [AccessModule, AuditModule, RevocationsModule, StepUpModule, WorkspacesModule],
  controllers: [ApiKeysGrpc],
  providers: [ApiKeysService],
  exports: [ApiKeysService],
})
export class ApiKeysModule {}
