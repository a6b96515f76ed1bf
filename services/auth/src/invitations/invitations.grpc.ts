import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Metadata } from '@grpc/grpc-js';
import { z } from 'zod';
import { AcceptInvitation, CreateInvitation } from '@capstone/contracts/workspaces';
import type {
  AcceptInvitationRequest,
  AcceptInvitationResponse,
  CreateInvitationRequest,
  CreateInvitationResponse,
  DeleteInvitationRequest,
  DeleteInvitationResponse,
  ListInvitationsRequest,
  ListInvitationsResponse,
} from '@capstone/contracts/generated/capstone/auth/v1/invitations_service';
import { Page } from '../page.js';
import { parseRequest } from '../parse-request.js';
import { bearerToken } from '../tokens/bearer-token.js';
import { toWorkspaceMessage } from '../workspace-admin/workspace-message.js';
import { InvitationsService } from './invitations.service.js';

const WorkspaceId = z.object({ workspaceId: z.uuid() });
const InvitationId = WorkspaceId.extend({ invitationId: z.uuid() });

@Controller()
export class InvitationsGrpc {
  constructor(private readonly invitations: InvitationsService) {}

  @GrpcMethod('InvitationsService', 'CreateInvitation')
  async create(
    { workspaceId: id, ...request }: CreateInvitationRequest,
    metadata: Metadata,
  ): Promise<CreateInvitationResponse> {
    const { workspaceId } = parseRequest(WorkspaceId, { workspaceId: id });
    const input = parseRequest(CreateInvitation, request);
    const token = bearerToken(metadata);
    return { invitation: await this.invitations.create(token, workspaceId, input) };
  }

  @GrpcMethod('InvitationsService', 'ListInvitations')
  async list(
    { workspaceId: id, ...request }: ListInvitationsRequest,
    metadata: Metadata,
  ): Promise<ListInvitationsResponse> {
    const { workspaceId } = parseRequest(WorkspaceId, { workspaceId: id });
    const page = parseRequest(Page, request);
    return { invitations: await this.invitations.list(bearerToken(metadata), workspaceId, page) };
  }

  @GrpcMethod('InvitationsService', 'DeleteInvitation')
  async remove(
    request: DeleteInvitationRequest,
    metadata: Metadata,
  ): Promise<DeleteInvitationResponse> {
    const { workspaceId, invitationId } = parseRequest(InvitationId, request);
    await this.invitations.remove(bearerToken(metadata), workspaceId, invitationId);
    return {};
  }

  @GrpcMethod('InvitationsService', 'AcceptInvitation')
  async accept(
    request: AcceptInvitationRequest,
    metadata: Metadata,
  ): Promise<AcceptInvitationResponse> {
    const { token } = parseRequest(AcceptInvitation, request);
    const workspace = await this.invitations.accept(bearerToken(metadata), token);
    return { workspace: toWorkspaceMessage(workspace) };
  }
}
