import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { MfaModule } from '../mfa/mfa.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { StepUpModule } from '../step-up/step-up.module.js';
import { ThrottleModule } from '../throttle/throttle.module.js';
import { UsersModule } from '../users/users.module.js';
import { WorkspacesModule } from '../workspaces/workspaces.module.js';
import { AccountsGrpc } from './accounts.grpc.js';
import { AccountsService } from './accounts.service.js';
import { OwnPasswordService } from './own-password.service.js';
import { PasswordCheckService } from './password-check.service.js';
import { RegistrationService } from './registration.service.js';

@Module({
  imports: [
    AuditModule,
    MfaModule,
    PasswordsModule,
    SessionsModule,
    StepUpModule,
    ThrottleModule,
    UsersModule,
    WorkspacesModule,
  ],
  controllers: [AccountsGrpc],
  providers: [AccountsService, OwnPasswordService, PasswordCheckService, RegistrationService],
})
export class AccountsModule {}
