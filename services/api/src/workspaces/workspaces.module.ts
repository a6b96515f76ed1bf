import { Module } from '@nestjs/common';
import { IdentityModule } from '../identity/identity.module.js';
import { AuditController } from './audit.controller.js';
import { AuditService } from './audit.service.js';
import { InvitationsController } from './invitations.controller.js';
import { InvitationsService } from './invitations.service.js';
import { WorkspacesController } from './workspaces.controller.js';
import { WorkspacesService } from './workspaces.service.js';

@Module({
  imports: [IdentityModule],
  controllers: [WorkspacesController, InvitationsController, AuditController],
  providers: [WorkspacesService, InvitationsService, AuditService],
})
export class WorkspacesModule {}
