import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { rolePermissions } from '@capstone/contracts/permissions';
import type { Me, Tokens } from '@capstone/contracts/auth';
import { Database } from '@capstone/platform/database';
import type { Transaction } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { AuditService } from '../audit/audit.service.js';
import { RevocationsService } from '../revocations/revocations.service.js';
import type { Source } from '../source.js';
import { TokensService } from '../tokens/tokens.service.js';
import { UsersService } from '../users/users.service.js';
import { WorkspacesService } from '../workspaces/workspaces.service.js';
import type { Membership } from '../workspaces/membership.js';
import { insertRefreshToken } from './refresh-tokens.repository.js';
import { absoluteLifetimeSeconds, idleLifetimeSeconds } from './session-lifetimes.js';
import {
  deleteEndedSessions,
  findLiveSession,
  insertSession,
  revokeOtherSessions,
  revokeSession,
  revokeWorkspaceSessions,
} from './sessions.repository.js';
import type { RevokeReason, Session } from './sessions.repository.js';

interface NewSession {
  readonly userId: string;
  readonly workspace: Membership;
  readonly aal: 1 | 2;
  readonly source: Source;
  readonly replaces: string | undefined;
}

/** A session that is stored, and the one refresh token that nothing else will ever show. */
export interface OpenedSession {
  readonly session: Session;
  readonly workspace: Membership;
  readonly refreshToken: string;
}

@Injectable()
export class SessionsService {
  constructor(
    private readonly db: Database,
    private readonly tokens: TokensService,
    private readonly workspaces: WorkspacesService,
    private readonly revocations: RevocationsService,
    private readonly users: UsersService,
    private readonly audit: AuditService,
  ) {}

  /** Of somebody who has just proven to be this user. A session it `replaces` ends with its begin. */
  async start(
    userId: string,
    workspace: Membership,
    { source, replaces }: { source: Source; replaces: string | undefined },
  ): Promise<Tokens> {
    const opened = await this.db.transaction({ userId, workspaceId: workspace.id }, (tx) =>
      this.open(tx, { userId, workspace, aal: 1, source, replaces }),
    );
    return this.issue(opened);
  }

  /** In a transaction of this user and workspace; hand the answer to `issue` once that has committed. */
  async open(
    tx: Transaction,
    { userId, workspace, aal, source, replaces }: NewSession,
  ): Promise<OpenedSession> {
    const refreshToken = this.tokens.mintRefreshToken();
    await deleteEndedSessions(tx, userId);
    if (replaces) await this.end(tx, { userId, sessionId: replaces, reason: 'stepped-up' });
    const session = await insertSession(tx, {
      id: uuidv7(),
      userId,
      workspaceId: workspace.id,
      aal,
      source,
      lifetimeSeconds: absoluteLifetimeSeconds,
    });
    await insertRefreshToken(tx, {
      id: uuidv7(),
      sessionId: session.id,
      userId,
      hash: refreshToken.hash,
      parentId: undefined,
      idleSeconds: idleLifetimeSeconds,
    });
    await this.workspaces.markUsed(tx, userId, workspace.id);
    await this.audit.append(tx, {
      workspaceId: workspace.id,
      action: 'session.started',
      actorId: userId,
      sessionId: session.id,
      ...source,
      detail: { aal, ...(replaces !== undefined && { replaces }) },
    });
    return { session, workspace, refreshToken: refreshToken.token };
  }

  issue({ session, workspace, refreshToken }: OpenedSession): Promise<Tokens> {
    this.announceEnded();
    return this.tokens.issue(session, workspace, refreshToken);
  }

  async logout(accessToken: string): Promise<void> {
    const session = await this.authenticate(accessToken);
    const { id: sessionId, userId, workspaceId } = session;
    await this.db.transaction({ userId }, async (tx) => {
      await this.end(tx, { userId, sessionId, reason: 'logout' });
      await this.audit.append(tx, {
        workspaceId,
        action: 'session.ended',
        actorId: userId,
        sessionId,
        reason: 'logout',
      });
    });
    this.announceEnded();
  }

  /** Call `announceEnded` once the transaction has committed. */
  async endOthers(
    tx: Transaction,
    kept: { userId: string; sessionId: string; reason: RevokeReason },
  ): Promise<void> {
    for (const id of await revokeOtherSessions(tx, kept)) {
      await this.revocations.record(tx, 'session', id);
    }
  }

  /** In a transaction of this workspace; of one member, or without `userId` of everybody. */
  async endInWorkspace(
    tx: Transaction,
    which: { workspaceId: string; userId?: string; reason: RevokeReason },
  ): Promise<void> {
    const { workspaceId, userId, reason } = which;
    for (const id of await revokeWorkspaceSessions(tx, { workspaceId, userId, reason })) {
      await this.revocations.record(tx, 'session', id);
    }
  }

  announceEnded(): void {
    this.revocations.announce();
  }

  async getMe(accessToken: string): Promise<Me> {
    const session = await this.authenticate(accessToken);
    const { userId, workspaceId } = session;
    const [user, membership] = await Promise.all([
      this.users.getProfile(userId),
      this.workspaces.find(this.db.read({ userId, workspaceId }), userId, workspaceId),
    ]);
    if (!membership) throw new Problem('token-invalid');
    return {
      user,
      workspace: { id: membership.id, name: membership.name },
      role: membership.role,
      scopes: [...rolePermissions[membership.role]],
      aal: session.aal,
    };
  }

  /** Here the table is at hand, so a token counts only as long as its session does. */
  async authenticate(accessToken: string): Promise<Session> {
    const { sub: userId, sid } = await this.tokens.verifyAccessToken(accessToken);
    const session = await findLiveSession(this.db.read({ userId }), userId, sid);
    if (!session) throw new Problem('token-invalid');
    return session;
  }

  private async end(
    tx: Transaction,
    ended: { userId: string; sessionId: string; reason: RevokeReason },
  ): Promise<void> {
    await revokeSession(tx, ended.userId, ended.sessionId, ended.reason);
    await this.revocations.record(tx, 'session', ended.sessionId);
  }
}
