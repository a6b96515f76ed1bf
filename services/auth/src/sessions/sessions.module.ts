import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { RevocationsModule } from '../revocations/revocations.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { UsersModule } from '../users/users.module.js';
import { WorkspacesModule } from '../workspaces/workspaces.module.js';
import { OwnSessionsService } from './own-sessions.service.js';
import { RotationService } from './rotation.service.js';
import { SessionsGrpc } from './sessions.grpc.js';
import { SessionsService } from './sessions.service.js';
import { SwitchService } from './switch.service.js';

@Module({
  imports: [AuditModule, RevocationsModule, TokensModule, UsersModule, WorkspacesModule],
  controllers: [SessionsGrpc],
  providers: [SessionsService, OwnSessionsService, RotationService, SwitchService],
  exports: [SessionsService, RotationService],
})
export class SessionsModule {}
