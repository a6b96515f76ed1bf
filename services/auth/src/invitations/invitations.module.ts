import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { MailModule } from '../mail/mail.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { UsersModule } from '../users/users.module.js';
import { WorkspaceAdminModule } from '../workspace-admin/workspace-admin.module.js';
import { InvitationsGrpc } from './invitations.grpc.js';
import { InvitationsService } from './invitations.service.js';

@Module({
  imports: [
    AccessModule,
    AuditModule,
    MailModule,
    SessionsModule,
    UsersModule,
    WorkspaceAdminModule,
  ],
  controllers: [InvitationsGrpc],
  providers: [InvitationsService],
})
export class InvitationsModule {}
