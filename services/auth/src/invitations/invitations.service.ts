import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { mayAssign } from '@capstone/contracts/permissions';
import type { CreateInvitation, Invitation, Workspace } from '@capstone/contracts/workspaces';
import { Database } from '@capstone/platform/database';
import type { Transaction } from '@capstone/platform/database';
import { hashOpaqueToken, isOpaqueToken, mintOpaqueToken } from '@capstone/platform/opaque-token';
import { Problem } from '@capstone/platform/problem';
import { CONFIG } from '@capstone/platform/service';
import { AccessService } from '../access/access.service.js';
import type { Actor } from '../access/access.service.js';
import { AuditService } from '../audit/audit.service.js';
import type { Config } from '../config.js';
import { MailService } from '../mail/mail.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { UsersService } from '../users/users.service.js';
import { WorkspaceAdminService } from '../workspace-admin/workspace-admin.service.js';
import {
  deleteInvitation,
  findInvitation,
  insertMembership,
  isMemberAddress,
  listInvitations,
  replaceInvitation,
} from './invitations.repository.js';

const tokenPrefix = 'cap_iv_';
const lifetimeSeconds = 7 * 24 * 60 * 60;

@Injectable()
export class InvitationsService {
  constructor(
    private readonly db: Database,
    private readonly access: AccessService,
    private readonly sessions: SessionsService,
    private readonly users: UsersService,
    private readonly workspaces: WorkspaceAdminService,
    private readonly mail: MailService,
    private readonly audit: AuditService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** The token goes into the mail alone: who invites does not learn it. */
  async create(
    accessToken: string,
    workspaceId: string,
    { email, role }: CreateInvitation,
  ): Promise<Invitation> {
    const actor = await this.access.authorize(accessToken, workspaceId, 'members:write');
    const token = mintOpaqueToken(tokenPrefix);
    const invite = async (tx: Transaction) => {
      const workspace = await this.workspaces.lockForMembers(tx, actor);
      if (!mayAssign(workspace.role, 'viewer', role)) throw new Problem('permission-denied');
      if (await isMemberAddress(tx, workspaceId, email)) throw new Problem('already-member');
      const invitation = await replaceInvitation(tx, workspaceId, {
        id: uuidv7(),
        email,
        role,
        tokenHash: this.hash(token),
        invitedBy: actor.userId,
        lifetimeSeconds,
      });
      await this.mail.queue(tx, {
        kind: 'invitation',
        to: email,
        token,
        workspaceName: workspace.name,
        role,
      });
      await this.audit.append(tx, { ...about(actor, invitation.id), action: 'invitation.created' });
      return invitation;
    };
    return this.access.noting(actor, 'members:write', () => this.db.transaction(actor, invite));
  }

  async list(
    accessToken: string,
    workspaceId: string,
    page: { after: string; limit: number },
  ): Promise<Invitation[]> {
    const actor = await this.access.authorize(accessToken, workspaceId, 'members:write');
    return listInvitations(this.db.read(actor), workspaceId, page);
  }

  async remove(accessToken: string, workspaceId: string, invitationId: string): Promise<void> {
    const actor = await this.access.authorize(accessToken, workspaceId, 'members:write');
    await this.db.transaction(actor, async (tx) => {
      const deleted = await deleteInvitation(tx, workspaceId, invitationId);
      if (!deleted) throw new Problem('invitation-not-found');
      await this.audit.append(tx, { ...about(actor, invitationId), action: 'invitation.removed' });
    });
  }

  /** A token that somebody forwarded opens nothing: the account must have the address that was invited. */
  async accept(accessToken: string, token: string): Promise<Workspace> {
    const { id: sessionId, userId } = await this.sessions.authenticate(accessToken);
    const invitation = isOpaqueToken(tokenPrefix, token)
      ? await findInvitation(this.db.unscoped, this.hash(token))
      : undefined;
    const { email } = await this.users.getProfile(userId);
    if (!invitation || invitation.email !== email) throw new Problem('invitation-not-found');

    const { workspaceId, id, role } = invitation;
    await this.db.transaction({ userId, workspaceId }, async (tx) => {
      await this.workspaces.lockOpen(tx, workspaceId);
      if (!(await deleteInvitation(tx, workspaceId, id))) throw new Problem('invitation-not-found');
      await insertMembership(tx, { workspaceId, userId, role });
      const member = { workspaceId, userId, sessionId };
      await this.audit.append(tx, {
        ...about(member, id),
        action: 'member.joined',
        detail: { role },
      });
    });
    return this.workspaces.get(accessToken, workspaceId);
  }

  private hash(token: string): Buffer {
    return hashOpaqueToken(this.config.tokens.pepper, token);
  }
}

function about({ workspaceId, userId: actorId, sessionId }: Omit<Actor, 'role'>, id: string) {
  return { workspaceId, actorId, sessionId, target: { type: 'invitation', id } };
}
