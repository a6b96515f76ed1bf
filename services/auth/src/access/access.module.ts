import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { WorkspacesModule } from '../workspaces/workspaces.module.js';
import { AccessService } from './access.service.js';

@Module({
  imports: [AuditModule, SessionsModule, WorkspacesModule],
  providers: [AccessService],
  exports: [AccessService],
})
export class AccessModule {}
