import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Metadata } from '@grpc/grpc-js';
import { z } from 'zod';
import { CreateWorkspace, PatchMember } from '@capstone/contracts/workspaces';
import type { Member, Workspace } from '@capstone/contracts/workspaces';
import type {
  BeginExportRequest,
  BeginExportResponse,
  ChangeRoleRequest,
  ChangeRoleResponse,
  CreateWorkspaceRequest,
  CreateWorkspaceResponse,
  DeleteWorkspaceRequest,
  DeleteWorkspaceResponse,
  GetWorkspaceRequest,
  GetWorkspaceResponse,
  ListMembersRequest,
  ListMembersResponse,
  ListWorkspacesRequest,
  ListWorkspacesResponse,
  Member as MemberMessage,
  RemoveMemberRequest,
  RemoveMemberResponse,
  RenameWorkspaceRequest,
  RenameWorkspaceResponse,
  RestoreWorkspaceRequest,
  RestoreWorkspaceResponse,
} from '@capstone/contracts/generated/capstone/auth/v1/workspaces_service';
import { Page } from '../page.js';
import { parseRequest } from '../parse-request.js';
import { bearerToken } from '../tokens/bearer-token.js';
import { MembersService } from './members.service.js';
import { toWorkspaceMessage } from './workspace-message.js';
import { WorkspaceAdminService } from './workspace-admin.service.js';

const Id = z.object({ workspaceId: z.uuid() });
const MemberId = Id.extend({ userId: z.uuid() });
const Rename = Id.extend({
  name: CreateWorkspace.shape.name,
  expectedVersion: z.int().positive().optional(),
});

@Controller()
export class WorkspacesGrpc {
  constructor(
    private readonly workspaces: WorkspaceAdminService,
    private readonly members: MembersService,
  ) {}

  @GrpcMethod('WorkspacesService', 'CreateWorkspace')
  async create(
    request: CreateWorkspaceRequest,
    metadata: Metadata,
  ): Promise<CreateWorkspaceResponse> {
    const { name } = parseRequest(CreateWorkspace, request);
    return answer(await this.workspaces.create(bearerToken(metadata), name));
  }

  @GrpcMethod('WorkspacesService', 'ListWorkspaces')
  async list(request: ListWorkspacesRequest, metadata: Metadata): Promise<ListWorkspacesResponse> {
    const page = parseRequest(Page, request);
    const workspaces = await this.workspaces.list(bearerToken(metadata), page);
    return { workspaces: workspaces.map(toWorkspaceMessage) };
  }

  @GrpcMethod('WorkspacesService', 'GetWorkspace')
  async get(request: GetWorkspaceRequest, metadata: Metadata): Promise<GetWorkspaceResponse> {
    const { workspaceId } = parseRequest(Id, request);
    return answer(await this.workspaces.get(bearerToken(metadata), workspaceId));
  }

  @GrpcMethod('WorkspacesService', 'RenameWorkspace')
  async rename(
    request: RenameWorkspaceRequest,
    metadata: Metadata,
  ): Promise<RenameWorkspaceResponse> {
    const { workspaceId, name, expectedVersion } = parseRequest(Rename, request);
    const change = { name, expectedVersion };
    return answer(await this.workspaces.rename(bearerToken(metadata), workspaceId, change));
  }

  @GrpcMethod('WorkspacesService', 'DeleteWorkspace')
  async remove(
    request: DeleteWorkspaceRequest,
    metadata: Metadata,
  ): Promise<DeleteWorkspaceResponse> {
    const { workspaceId } = parseRequest(Id, request);
    return answer(await this.workspaces.remove(bearerToken(metadata), workspaceId));
  }

  @GrpcMethod('WorkspacesService', 'RestoreWorkspace')
  async restore(
    request: RestoreWorkspaceRequest,
    metadata: Metadata,
  ): Promise<RestoreWorkspaceResponse> {
    const { workspaceId } = parseRequest(Id, request);
    return answer(await this.workspaces.restore(bearerToken(metadata), workspaceId));
  }

  @GrpcMethod('WorkspacesService', 'BeginExport')
  async beginExport(request: BeginExportRequest, metadata: Metadata): Promise<BeginExportResponse> {
    const { workspaceId } = parseRequest(Id, request);
    return answer(await this.workspaces.beginExport(bearerToken(metadata), workspaceId));
  }

  @GrpcMethod('WorkspacesService', 'ListMembers')
  async listMembers(
    { workspaceId: id, ...request }: ListMembersRequest,
    metadata: Metadata,
  ): Promise<ListMembersResponse> {
    const { workspaceId } = parseRequest(Id, { workspaceId: id });
    const page = parseRequest(Page, request);
    const members = await this.members.list(bearerToken(metadata), workspaceId, page);
    return { members: members.map(toMemberMessage) };
  }

  @GrpcMethod('WorkspacesService', 'ChangeRole')
  async changeRole(request: ChangeRoleRequest, metadata: Metadata): Promise<ChangeRoleResponse> {
    const { workspaceId, userId } = parseRequest(MemberId, request);
    const { role } = parseRequest(PatchMember, { role: request.role });
    const token = bearerToken(metadata);
    const member = await this.members.changeRole(token, workspaceId, { userId, role });
    return { member: toMemberMessage(member) };
  }

  @GrpcMethod('WorkspacesService', 'RemoveMember')
  async removeMember(
    request: RemoveMemberRequest,
    metadata: Metadata,
  ): Promise<RemoveMemberResponse> {
    const { workspaceId, userId } = parseRequest(MemberId, request);
    await this.members.remove(bearerToken(metadata), workspaceId, userId);
    return {};
  }
}

function answer(workspace: Workspace) {
  return { workspace: toWorkspaceMessage(workspace) };
}

function toMemberMessage({ name, ...member }: Member): MemberMessage {
  return { ...member, name: name ?? undefined };
}
