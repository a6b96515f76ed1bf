import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Metadata } from '@grpc/grpc-js';
import { z } from 'zod';
import { Refresh } from '@capstone/contracts/auth';
import { SwitchWorkspace } from '@capstone/contracts/sessions';
import type {
  EndOtherSessionsRequest,
  EndOtherSessionsResponse,
  EndSessionRequest,
  EndSessionResponse,
  GetMeRequest,
  GetMeResponse,
  ListSessionsRequest,
  ListSessionsResponse,
  LogoutRequest,
  LogoutResponse,
  RefreshRequest,
  RefreshResponse,
  SwitchWorkspaceRequest,
  SwitchWorkspaceResponse,
} from '@capstone/contracts/generated/capstone/auth/v1/sessions_service';
import { parseRequest } from '../parse-request.js';
import { toSource } from '../source.js';
import { bearerToken } from '../tokens/bearer-token.js';
import { toTokensMessage } from '../tokens/token-message.js';
import { OwnSessionsService } from './own-sessions.service.js';
import { RotationService } from './rotation.service.js';
import { SessionsService } from './sessions.service.js';
import { SwitchService } from './switch.service.js';

const EndSession = z.object({ sessionId: z.uuid() });

@Controller()
export class SessionsGrpc {
  constructor(
    private readonly sessions: SessionsService,
    private readonly rotation: RotationService,
    private readonly ownSessions: OwnSessionsService,
    private readonly switching: SwitchService,
  ) {}

  @GrpcMethod('SessionsService', 'Refresh')
  async refresh({ source, ...request }: RefreshRequest): Promise<RefreshResponse> {
    const { refreshToken } = parseRequest(Refresh.required(), request);
    const tokens = await this.rotation.refresh(refreshToken, toSource(source));
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

  @GrpcMethod('SessionsService', 'ListSessions')
  async listSessions(_: ListSessionsRequest, metadata: Metadata): Promise<ListSessionsResponse> {
    const sessions = await this.ownSessions.list(bearerToken(metadata));
    return {
      sessions: sessions.map(({ workspace, address, userAgent, ...session }) => ({
        ...session,
        workspaceId: workspace.id,
        workspaceName: workspace.name,
        address: address ?? undefined,
        userAgent: userAgent ?? undefined,
      })),
    };
  }

  @GrpcMethod('SessionsService', 'EndSession')
  async endSession(request: EndSessionRequest, metadata: Metadata): Promise<EndSessionResponse> {
    const { sessionId } = parseRequest(EndSession, request);
    await this.ownSessions.end(bearerToken(metadata), sessionId);
    return {};
  }

  @GrpcMethod('SessionsService', 'EndOtherSessions')
  async endOtherSessions(
    _: EndOtherSessionsRequest,
    metadata: Metadata,
  ): Promise<EndOtherSessionsResponse> {
    await this.ownSessions.endOthers(bearerToken(metadata));
    return {};
  }

  @GrpcMethod('SessionsService', 'SwitchWorkspace')
  async switchWorkspace(
    { source, ...request }: SwitchWorkspaceRequest,
    metadata: Metadata,
  ): Promise<SwitchWorkspaceResponse> {
    const { workspaceId } = parseRequest(SwitchWorkspace, request);
    const tokens = await this.switching.switchTo(
      bearerToken(metadata),
      workspaceId,
      toSource(source),
    );
    return { tokens: toTokensMessage(tokens) };
  }
}
