import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Metadata } from '@grpc/grpc-js';
import { ChangePassword, Login, Register, StepUp } from '@capstone/contracts/auth';
import type {
  ChangePasswordRequest,
  ChangePasswordResponse,
  LoginRequest,
  LoginResponse,
  RegisterRequest,
  RegisterResponse,
  StepUpRequest,
  StepUpResponse,
} from '@capstone/contracts/generated/capstone/auth/v1/accounts_service';
import { parseRequest } from '../parse-request.js';
import { ThrottleService } from '../throttle/throttle.service.js';
import { bearerToken } from '../tokens/bearer-token.js';
import { toSignInMessage } from '../tokens/token-message.js';
import { AccountsService } from './accounts.service.js';
import { OwnPasswordService } from './own-password.service.js';
import { RegistrationService } from './registration.service.js';

@Controller()
export class AccountsGrpc {
  constructor(
    private readonly registration: RegistrationService,
    private readonly accounts: AccountsService,
    private readonly ownPassword: OwnPasswordService,
    private readonly throttle: ThrottleService,
  ) {}

  @GrpcMethod('AccountsService', 'Register')
  async register({ email, password, name }: RegisterRequest): Promise<RegisterResponse> {
    await this.registration.register(parseRequest(Register, { email, password, name }));
    return {};
  }

  @GrpcMethod('AccountsService', 'Login')
  async login({ source, deviceToken, ...fields }: LoginRequest): Promise<LoginResponse> {
    const { email, password, workspaceId } = fields;
    const request = parseRequest(Login, { email, password, workspaceId });
    const client = { address: source?.address, userAgent: source?.userAgent, deviceToken };
    const signIn = await this.accounts.login(request, client);
    const isComplete = signIn.status === 'authenticated';
    return {
      ...toSignInMessage(signIn),
      deviceToken: isComplete
        ? this.throttle.introduceDevice(request.email, deviceToken)
        : undefined,
    };
  }

  @GrpcMethod('AccountsService', 'StepUp')
  async stepUp(request: StepUpRequest, metadata: Metadata): Promise<StepUpResponse> {
    const { password } = parseRequest(StepUp, { password: request.password });
    const client = { address: request.source?.address, userAgent: request.source?.userAgent };
    return toSignInMessage(await this.accounts.stepUp(bearerToken(metadata), password, client));
  }

  @GrpcMethod('AccountsService', 'ChangePassword')
  async changePassword(
    { currentPassword, newPassword, source }: ChangePasswordRequest,
    metadata: Metadata,
  ): Promise<ChangePasswordResponse> {
    const passwords = parseRequest(ChangePassword, { currentPassword, newPassword });
    await this.ownPassword.change(bearerToken(metadata), passwords, { address: source?.address });
    return {};
  }
}
