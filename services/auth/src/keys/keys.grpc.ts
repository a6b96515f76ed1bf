import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { GetJwksResponse } from '@capstone/contracts/generated/capstone/auth/v1/keys_service';
import { KeysService } from './keys.service.js';

@Controller()
export class KeysGrpc {
  constructor(private readonly keys: KeysService) {}

  @GrpcMethod('KeysService', 'GetJwks')
  async getJwks(): Promise<GetJwksResponse> {
    return { jwksJson: JSON.stringify({ keys: await this.keys.listPublicJwks() }) };
  }
}
