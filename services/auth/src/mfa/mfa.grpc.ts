import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Metadata } from '@grpc/grpc-js';
import { TotpCode, VerifyMfa } from '@capstone/contracts/auth';
import type {
  ConfirmTotpRequest,
  ConfirmTotpResponse,
  EnrolTotpRequest,
  EnrolTotpResponse,
  RemoveTotpRequest,
  RemoveTotpResponse,
  VerifyMfaRequest,
  VerifyMfaResponse,
} from '@capstone/contracts/generated/capstone/auth/v1/mfa_service';
import { parseRequest } from '../parse-request.js';
import { toSource } from '../source.js';
import { ThrottleService } from '../throttle/throttle.service.js';
import { bearerToken } from '../tokens/bearer-token.js';
import { toTokensMessage } from '../tokens/token-message.js';
import { UsersService } from '../users/users.service.js';
import { EnrolmentService } from './enrolment.service.js';
import { SignInService } from './sign-in.service.js';

@Controller()
export class MfaGrpc {
  constructor(
    private readonly signIn: SignInService,
    private readonly enrolment: EnrolmentService,
    private readonly users: UsersService,
    private readonly throttle: ThrottleService,
  ) {}

  @GrpcMethod('MfaService', 'VerifyMfa')
  async verifyMfa({ source, ...fields }: VerifyMfaRequest): Promise<VerifyMfaResponse> {
    const request = parseRequest(VerifyMfa, fields);
    const { userId, tokens } = await this.signIn.verify(request, toSource(source));
    const { email } = await this.users.getProfile(userId);
    return {
      tokens: toTokensMessage(tokens),
      deviceToken: this.throttle.introduceDevice(email),
    };
  }

  @GrpcMethod('MfaService', 'EnrolTotp')
  enrolTotp(_request: EnrolTotpRequest, metadata: Metadata): Promise<EnrolTotpResponse> {
    return this.enrolment.enrol(bearerToken(metadata));
  }

  @GrpcMethod('MfaService', 'ConfirmTotp')
  confirmTotp(request: ConfirmTotpRequest, metadata: Metadata): Promise<ConfirmTotpResponse> {
    const { code } = parseRequest(TotpCode, { code: request.code });
    return this.enrolment.confirm(bearerToken(metadata), code);
  }

  @GrpcMethod('MfaService', 'RemoveTotp')
  async removeTotp(request: RemoveTotpRequest, metadata: Metadata): Promise<RemoveTotpResponse> {
    const { code } = parseRequest(TotpCode, { code: request.code });
    await this.enrolment.remove(bearerToken(metadata), code);
    return {};
  }
}
