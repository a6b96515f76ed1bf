import { Module } from '@nestjs/common';
import { KeysGrpc } from './keys.grpc.js';
import { KeysService } from './keys.service.js';

@Module({ controllers: [KeysGrpc], providers: [KeysService], exports: [KeysService] })
export class KeysModule {}
