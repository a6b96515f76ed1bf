import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Metadata } from '@grpc/grpc-js';
import { Login, Register, StepUp } from '@capstone/contracts/auth';
import type {
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

@Controller()
export class AccountsGrpc {
  constructor(
    private readonly accounts: AccountsService,
    private readonly ownPassword: OwnPasswordService,
  ) {}

  @GrpcMethod('AccountsService', 'Register')
  async register({ email, password, name }: RegisterRequest): Promise<RegisterResponse> {
    await this.accounts.register(parseRequest(Register, { email, password, name }));
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
    return toSignInMessage(await this.ownPassword.stepUp(bearerToken(metadata), password));
  }
}
