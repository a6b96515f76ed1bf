import { Module } from '@nestjs/common';
import { RevocationsModule } from '../revocations/revocations.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { HousekeepingService } from './housekeeping.service.js';

@Module({ imports: [RevocationsModule, SessionsModule], providers: [HousekeepingService] })
export class HousekeepingModule {}
