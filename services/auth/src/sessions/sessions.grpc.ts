import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Metadata } from '@grpc/grpc-js';
import { Refresh } from '@capstone/contracts/auth';
import type {
  GetMeRequest,
  GetMeResponse,
  LogoutRequest,
  LogoutResponse,
  RefreshRequest,
  RefreshResponse,
} from '@capstone/contracts/generated/capstone/auth/v1/sessions_service';
import { parseRequest } from '../parse-request.js';
import { bearerToken } from '../tokens/bearer-token.js';
import { toTokensMessage } from '../tokens/token-message.js';
import { RotationService } from './rotation.service.js';
import { SessionsService } from './sessions.service.js';

@Controller()
export class SessionsGrpc {
  constructor(
    private readonly sessions: SessionsService,
    private readonly rotation: RotationService,
  ) {}

  @GrpcMethod('SessionsService', 'Refresh')
  async refresh({ source, ...request }: RefreshRequest): Promise<RefreshResponse> {
    const { refreshToken } = parseRequest(Refresh, request);
    const tokens = await this.rotation.refresh(refreshToken, source?.address);
    return { tokens: toTokensMessage(tokens) };
  }

  @GrpcMethod('SessionsService', 'Logout')
  async logout(_request: LogoutRequest, metadata: Metadata): Promise<LogoutResponse> {
    await this.sessions.logout(bearerToken(metadata));
    return {};
  }

  @GrpcMethod('SessionsService', 'GetMe')
  async getMe(_request: GetMeRequest, metadata: Metadata): Promise<GetMeResponse> {
    const { user, workspace, role, scopes, aal } = await this.sessions.getMe(bearerToken(metadata));
    return {
      userId: user.id,
      email: user.email,
      name: user.name ?? undefined,
      emailVerified: user.emailVerified,
      workspace: { ...workspace, role },
      scopes,
      aal,
    };
  }
}
