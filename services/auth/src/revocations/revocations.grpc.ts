import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { ListRevocationsResponse } from '@capstone/contracts/generated/capstone/auth/v1/revocations_service';
import { RevocationsService } from './revocations.service.js';

@Controller()
export class RevocationsGrpc {
  constructor(private readonly revocations: RevocationsService) {}

  @GrpcMethod('RevocationsService', 'ListRevocations')
  async listRevocations(): Promise<ListRevocationsResponse> {
    const revocations = await this.revocations.list();
    return {
      revocations: revocations.map(({ epoch, ...rest }) => ({
        ...rest,
        epoch: epoch ?? undefined,
      })),
    };
  }
}
