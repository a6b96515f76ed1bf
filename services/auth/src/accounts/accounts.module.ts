import { Module } from '@nestjs/common';
import { MfaModule } from '../mfa/mfa.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { UsersModule } from '../users/users.module.js';
import { WorkspacesModule } from '../workspaces/workspaces.module.js';
import { AccountsGrpc } from './accounts.grpc.js';
import { AccountsService } from './accounts.service.js';
import { OwnPasswordService } from './own-password.service.js';

@Module({
  imports: [MfaModule, PasswordsModule, SessionsModule, UsersModule, WorkspacesModule],
  controllers: [AccountsGrpc],
  providers: [AccountsService, OwnPasswordService],
})
export class AccountsModule {}
