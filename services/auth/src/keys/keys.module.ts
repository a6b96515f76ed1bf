import { Module } from '@nestjs/common';
import { RevocationsModule } from '../revocations/revocations.module.js';
import { KeyRotationService } from './key-rotation.service.js';
import { KeysGrpc } from './keys.grpc.js';
import { KeysService } from './keys.service.js';

@Module({
  imports: [RevocationsModule],
  controllers: [KeysGrpc],
  providers: [KeysService, KeyRotationService],
  exports: [KeysService, KeyRotationService],
})
export class KeysModule {}
