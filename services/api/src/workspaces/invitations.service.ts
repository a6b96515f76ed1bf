import { Injectable } from '@nestjs/common';
import {
  Invitation,
  InvitationPage,
  type CreateInvitation,
  type ListWorkspaces,
  type Workspace,
} from '@capstone/contracts/workspaces';
import { afterCursor, pageById } from '../http/page-by-id.js';
import { AuthClient, bearing } from '../identity/auth-client.js';
import { toWorkspace } from './workspaces.service.js';

@Injectable()
export class InvitationsService {
  constructor(private readonly client: AuthClient) {}

  async create(
    authorization: string,
    workspaceId: string,
    input: CreateInvitation,
  ): Promise<Invitation> {
    const { invitation } = await this.client.invitations.createInvitation(
      { workspaceId, ...input },
      bearing(authorization),
    );
    return Invitation.parse(invitation);
  }

  async list(
    authorization: string,
    workspaceId: string,
    { limit, cursor }: ListWorkspaces,
  ): Promise<InvitationPage> {
    const list = { of: 'invitations', workspaceId };
    const { invitations } = await this.client.invitations.listInvitations(
      { workspaceId, limit: limit + 1, after: afterCursor(list, cursor) },
      bearing(authorization),
    );
    return InvitationPage.parse(pageById(list, limit, invitations));
  }

  async remove(authorization: string, workspaceId: string, invitationId: string): Promise<void> {
    const invitation = { workspaceId, invitationId };
    await this.client.invitations.deleteInvitation(invitation, bearing(authorization));
  }

  async accept(authorization: string, token: string): Promise<Workspace> {
    const { workspace } = await this.client.invitations.acceptInvitation(
      { token },
      bearing(authorization),
    );
    return toWorkspace(workspace);
  }
}
