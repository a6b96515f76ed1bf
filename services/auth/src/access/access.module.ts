import { Module } from '@nestjs/common';
import { SessionsModule } from '../sessions/sessions.module.js';
import { WorkspacesModule } from '../workspaces/workspaces.module.js';
import { AccessService } from './access.service.js';

@Module({
  imports: [SessionsModule, WorkspacesModule],
  providers: [AccessService],
  exports: [AccessService],
})
export class AccessModule {}
