import { Module } from '@nestjs/common';
import { AuditCheckpointsService } from './audit-checkpoints.service.js';
import { AuditVerificationService } from './audit-verification.service.js';
import { AuditService } from './audit.service.js';

@Module({
  providers: [AuditService, AuditCheckpointsService, AuditVerificationService],
  exports: [AuditService, AuditCheckpointsService, AuditVerificationService],
})
export class AuditModule {}
