import { Module } from '@nestjs/common';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { UsersModule } from '../users/users.module.js';
import { WorkspacesModule } from '../workspaces/workspaces.module.js';
import { AccountsGrpc } from './accounts.grpc.js';
import { AccountsService } from './accounts.service.js';

@Module({
  imports: [PasswordsModule, SessionsModule, UsersModule, WorkspacesModule],
  controllers: [AccountsGrpc],
  providers: [AccountsService],
})
export class AccountsModule {}
