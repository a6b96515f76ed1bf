import { Module } from '@nestjs/common';
import { FactorsService } from './factors.service.js';

@Module({ providers: [FactorsService], exports: [FactorsService] })
export class FactorsModule {}
