import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { FactorsModule } from '../factors/factors.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { StepUpModule } from '../step-up/step-up.module.js';
import { ThrottleModule } from '../throttle/throttle.module.js';
import { UsersModule } from '../users/users.module.js';
import { WorkspacesModule } from '../workspaces/workspaces.module.js';
import { EnrolmentService } from './enrolment.service.js';
import { MfaGrpc } from './mfa.grpc.js';
import { SignInService } from './sign-in.service.js';

@Module({
  imports: [
    AuditModule,
    FactorsModule,
    SessionsModule,
    StepUpModule,
    ThrottleModule,
    UsersModule,
    WorkspacesModule,
  ],
  controllers: [MfaGrpc],
  providers: [SignInService, EnrolmentService],
  exports: [SignInService],
})
export class MfaModule {}
