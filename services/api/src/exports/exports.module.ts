import { Module } from '@nestjs/common';
import { IdentityModule } from '../identity/identity.module.js';
import { ExportsController } from './exports.controller.js';
import { ExportsService } from './exports.service.js';

@Module({
  imports: [IdentityModule],
  controllers: [ExportsController],
  providers: [ExportsService],
})
export class ExportsModule {}
