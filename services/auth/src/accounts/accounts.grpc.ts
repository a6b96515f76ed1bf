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
  ) {}

  @GrpcMethod('AccountsService', 'Register')
  async register({ email, password, name }: RegisterRequest): Promise<RegisterResponse> {
    await this.registration.register(parseRequest(Register, { email, password, name }));
    return {};
  }

  @GrpcMethod('AccountsService', 'Login')
  async login({ email, password, workspaceId }: LoginRequest): Promise<LoginResponse> {
    const request = parseRequest(Login, { email, password, workspaceId });
    return toSignInMessage(await this.accounts.login(request));
  }

  @GrpcMethod('AccountsService', 'StepUp')
  async stepUp(request: StepUpRequest, metadata: Metadata): Promise<StepUpResponse> {
    const { password } = parseRequest(StepUp, { password: request.password });
    return toSignInMessage(await this.accounts.stepUp(bearerToken(metadata), password));
  }

  @GrpcMethod('AccountsService', 'ChangePassword')
  async changePassword(
    { currentPassword, newPassword }: ChangePasswordRequest,
    metadata: Metadata,
  ): Promise<ChangePasswordResponse> {
    const passwords = parseRequest(ChangePassword, { currentPassword, newPassword });
    await this.ownPassword.change(bearerToken(metadata), passwords);
    return {};
  }
}
