import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { Login, Register } from '@capstone/contracts/auth';
import type {
  LoginRequest,
  LoginResponse,
  RegisterRequest,
  RegisterResponse,
} from '@capstone/contracts/generated/capstone/auth/v1/accounts_service';
import { parseRequest } from '../parse-request.js';
import { toTokensMessage } from '../tokens/token-message.js';
import { AccountsService } from './accounts.service.js';

@Controller()
export class AccountsGrpc {
  constructor(private readonly accounts: AccountsService) {}

  @GrpcMethod('AccountsService', 'Register')
  async register({ email, password, name }: RegisterRequest): Promise<RegisterResponse> {
    await this.accounts.register(parseRequest(Register, { email, password, name }));
    return {};
  }

  @GrpcMethod('AccountsService', 'Login')
  async login({ email, password, workspaceId }: LoginRequest): Promise<LoginResponse> {
    const tokens = await this.accounts.login(parseRequest(Login, { email, password, workspaceId }));
    return { tokens: toTokensMessage(tokens) };
  }
}
