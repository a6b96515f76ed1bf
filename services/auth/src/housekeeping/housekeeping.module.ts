import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { DeletionsModule } from '../deletions/deletions.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { MfaModule } from '../mfa/mfa.module.js';
import { RevocationsModule } from '../revocations/revocations.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { HousekeepingService } from './housekeeping.service.js';

@Module({
  imports: [AuditModule, DeletionsModule, KeysModule, MfaModule, RevocationsModule, SessionsModule],
  providers: [HousekeepingService],
})
export class HousekeepingModule {}
