import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { AuditGrpc } from './audit.grpc.js';
import { AuditTrailService } from './audit-trail.service.js';

@Module({
  imports: [AccessModule, AuditModule],
  controllers: [AuditGrpc],
  providers: [AuditTrailService],
})
export class AuditTrailModule {}
