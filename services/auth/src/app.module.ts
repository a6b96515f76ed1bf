import { Module } from '@nestjs/common';
import { AccountsModule } from './accounts/accounts.module.js';
import { ApiKeysModule } from './api-keys/api-keys.module.js';
import { AuditTrailModule } from './audit-trail/audit-trail.module.js';
import { ConnectionsModule } from './connections/connections.module.js';
import { DeletionsModule } from './deletions/deletions.module.js';
import { HousekeepingModule } from './housekeeping/housekeeping.module.js';
import { InvitationsModule } from './invitations/invitations.module.js';
import { KeysModule } from './keys/keys.module.js';
import { MfaModule } from './mfa/mfa.module.js';
import { RevocationsModule } from './revocations/revocations.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { WorkspaceAdminModule } from './workspace-admin/workspace-admin.module.js';

/** The table of contents of this service. */
@Module({
  imports: [
    ConnectionsModule,
    AccountsModule,
    MfaModule,
    SessionsModule,
    WorkspaceAdminModule,
    InvitationsModule,
    ApiKeysModule,
    AuditTrailModule,
    DeletionsModule,
    KeysModule,
    RevocationsModule,
    HousekeepingModule,
  ],
})
export class AppModule {}
