import { Module } from '@nestjs/common';
import { RevocationRelay } from './revocation-relay.js';
import { RevocationStream } from './revocation-stream.js';
import { RevocationsGrpc } from './revocations.grpc.js';
import { RevocationsService } from './revocations.service.js';

@Module({
  controllers: [RevocationsGrpc],
  providers: [RevocationsService, RevocationRelay, RevocationStream],
  exports: [RevocationsService],
})
export class RevocationsModule {}
