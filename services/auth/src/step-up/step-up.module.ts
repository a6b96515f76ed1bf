import { Module } from '@nestjs/common';
import { FactorsModule } from '../factors/factors.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { StepUpService } from './step-up.service.js';

@Module({
  imports: [FactorsModule, SessionsModule],
  providers: [StepUpService],
  exports: [StepUpService],
})
export class StepUpModule {}
