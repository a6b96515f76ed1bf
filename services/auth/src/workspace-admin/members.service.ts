import { Injectable } from '@nestjs/common';
import { mayAssign } from '@capstone/contracts/permissions';
import type { Role } from '@capstone/contracts/permissions';
import type { Member } from '@capstone/contracts/workspaces';
import { Database } from '@capstone/platform/database';
import type { Transaction } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { AccessService } from '../access/access.service.js';
import type { Actor } from '../access/access.service.js';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import { AuditService } from '../audit/audit.service.js';
import { RevocationsService } from '../revocations/revocations.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import {
  countOwners,
  deleteMembership,
  findMember,
  listMembers,
  updateRole,
} from './members.repository.js';
import { lockWorkspace } from './workspaces.repository.js';

@Injectable()
export class MembersService {
  constructor(
    private readonly db: Database,
    private readonly access: AccessService,
    private readonly sessions: SessionsService,
    private readonly apiKeys: ApiKeysService,
    private readonly revocations: RevocationsService,
    private readonly audit: AuditService,
  ) {}

  async list(
    accessToken: string,
    workspaceId: string,
    page: { after: string; limit: number },
  ): Promise<Member[]> {
    const actor = await this.access.authorize(accessToken, workspaceId, 'members:read');
    return listMembers(this.db.read(actor), workspaceId, page);
  }

  async changeRole(
    accessToken: string,
    workspaceId: string,
    { userId, role }: { userId: string; role: Role },
  ): Promise<Member> {
    const actor = await this.access.authorize(accessToken, workspaceId, 'members:write');
    const change = async (tx: Transaction) => {
      const { by, member } = await this.lock(tx, actor, userId);
      if (!mayAssign(by, member.role, role)) throw new Problem('permission-denied');
      if (member.role === role) return member;
      if (member.role === 'owner') await this.assertAnotherOwner(tx, workspaceId);
      const epoch = await updateRole(tx, workspaceId, userId, role);
      await this.revocations.recordRoles(tx, { workspaceId, userId, epoch });
      await this.audit.append(tx, {
        ...about(actor, userId),
        action: 'member.role-changed',
        detail: { from: member.role, to: role },
      });
      return { ...member, role };
    };
    const changed = await this.access.noting(actor, 'members:write', () =>
      this.db.transaction(actor, change),
    );
    this.revocations.announce();
    return changed;
  }

  /** Everybody may leave, but for the last owner. */
  async remove(accessToken: string, workspaceId: string, userId: string): Promise<void> {
    const actor = await this.access.authorize(accessToken, workspaceId, 'members:read');
    const remove = async (tx: Transaction) => {
      const { by, member } = await this.lock(tx, actor, userId);
      const leaves = userId === actor.userId;
      if (!leaves && !mayAssign(by, member.role, 'viewer')) throw new Problem('permission-denied');
      if (member.role === 'owner') await this.assertAnotherOwner(tx, workspaceId);
      const epoch = await deleteMembership(tx, workspaceId, userId);
      await this.revocations.recordRoles(tx, { workspaceId, userId, epoch });
      await this.sessions.endInWorkspace(tx, { workspaceId, userId, reason: 'membership-ended' });
      await this.apiKeys.revokeAll(tx, { workspaceId, userId });
      await this.audit.append(tx, {
        ...about(actor, userId),
        action: 'member.removed',
        detail: { role: member.role },
      });
    };
    await this.access.noting(actor, 'members:write', () => this.db.transaction(actor, remove));
    this.revocations.announce();
  }

  /** The roles of both as nobody else can change them until the transaction ends. */
  private async lock(tx: Transaction, actor: Actor, userId: string) {
    await lockWorkspace(tx, actor.workspaceId);
    const by = await this.access.roleOf(tx, actor);
    const member = await findMember(tx, actor.workspaceId, userId);
    if (!member) throw new Problem('member-not-found');
    return { by, member };
  }

  private async assertAnotherOwner(tx: Transaction, workspaceId: string): Promise<void> {
    if ((await countOwners(tx, workspaceId)) < 2) throw new Problem('last-owner');
  }
}

function about({ workspaceId, userId: actorId, sessionId }: Actor, userId: string) {
  return { workspaceId, actorId, sessionId, target: { type: 'user', id: userId } };
}
