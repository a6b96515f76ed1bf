import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { DeletionsGrpc } from './deletions.grpc.js';
import { DeletionsService } from './deletions.service.js';

@Module({
  imports: [AuditModule],
  controllers: [DeletionsGrpc],
  providers: [DeletionsService],
  exports: [DeletionsService],
})
export class DeletionsModule {}
