import { Module } from '@nestjs/common';
import { ReaperService } from './reaper.service.js';

@Module({ providers: [ReaperService] })
export class MaintenanceModule {}
