import { Injectable } from '@nestjs/common';
import { rolePermissions } from '@capstone/contracts/permissions';
import type { Permission, Role } from '@capstone/contracts/permissions';
import { Database } from '@capstone/platform/database';
import type { Queryable } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { AuditService } from '../audit/audit.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { WorkspacesService } from '../workspaces/workspaces.service.js';

/** Somebody in a workspace, as it is now. Also the scope of their transactions. */
export interface Actor {
  readonly userId: string;
  readonly workspaceId: string;
  readonly sessionId: string;
  readonly role: Role;
}

/**
 * Who may do what in the workspace that a request names. The token says who it is; the table says in which role, so a
 * change of it counts at once.
 */
@Injectable()
export class AccessService {
  constructor(
    private readonly db: Database,
    private readonly sessions: SessionsService,
    private readonly workspaces: WorkspacesService,
    private readonly audit: AuditService,
  ) {}

  /** Throws `workspace-not-found` for who is no member, and `permission-denied` for who is one without the permission. */
  async authorize(
    accessToken: string,
    workspaceId: string,
    permission: Permission,
  ): Promise<Actor> {
    const session = await this.sessions.authenticate(accessToken);
    return this.actorOf({ ...session, workspaceId }, permission);
  }

  /** The same in the workspace of the token. */
  async authorizeHere(accessToken: string, permission: Permission): Promise<Actor> {
    return this.actorOf(await this.sessions.authenticate(accessToken), permission);
  }

  /** The same once more under a lock, where the role decides about a change that it must not outlive. */
  async roleOf(
    db: Queryable,
    { userId, workspaceId }: { userId: string; workspaceId: string },
  ): Promise<Role> {
    const membership = await this.workspaces.find(db, userId, workspaceId);
    if (!membership) throw new Problem('workspace-not-found');
    return membership.role;
  }

  private async actorOf(
    { id: sessionId, userId, workspaceId }: { id: string; userId: string; workspaceId: string },
    permission: Permission,
  ): Promise<Actor> {
    const scope = { userId, workspaceId };
    const role = await this.roleOf(this.db.read(scope), scope);
    const actor = { ...scope, sessionId, role };
    await this.noting(actor, permission, async () => assertPermitted(role, permission));
    return actor;
  }

  /** Runs `work`, and writes down when it ends in `permission-denied`: that undoes what `work` itself would have written. */
  async noting<T>(actor: Actor, permission: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Problem && error.code === 'permission-denied') {
        await this.audit.record({
          workspaceId: actor.workspaceId,
          action: 'access.denied',
          outcome: 'deny',
          actorId: actor.userId,
          sessionId: actor.sessionId,
          reason: permission,
        });
      }
      throw error;
    }
  }
}

export function assertPermitted(role: Role, permission: Permission): void {
  if (!rolePermissions[role].includes(permission)) throw new Problem('permission-denied');
}
