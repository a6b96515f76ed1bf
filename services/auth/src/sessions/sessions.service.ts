import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { rolePermissions } from '@capstone/contracts/permissions';
import type { Me, Tokens } from '@capstone/contracts/auth';
import { Database } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { RevocationsService } from '../revocations/revocations.service.js';
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
  revokeSession,
} from './sessions.repository.js';
import type { Session } from './sessions.repository.js';

@Injectable()
export class SessionsService {
  constructor(
    private readonly db: Database,
    private readonly tokens: TokensService,
    private readonly workspaces: WorkspacesService,
    private readonly revocations: RevocationsService,
    private readonly users: UsersService,
  ) {}

  /** Of somebody who has just proven to be this user. */
  async start(userId: string, workspace: Membership): Promise<Tokens> {
    const refreshToken = this.tokens.mintRefreshToken();
    const scope = { userId, workspaceId: workspace.id };
    const session = await this.db.transaction(scope, async (tx) => {
      await deleteEndedSessions(tx, userId);
      const started = await insertSession(tx, {
        id: uuidv7(),
        ...scope,
        lifetimeSeconds: absoluteLifetimeSeconds,
      });
      await insertRefreshToken(tx, {
        id: uuidv7(),
        sessionId: started.id,
        userId,
        hash: refreshToken.hash,
        parentId: undefined,
        idleSeconds: idleLifetimeSeconds,
      });
      await this.workspaces.markUsed(tx, userId, workspace.id);
      return started;
    });
    return this.tokens.issue(session, workspace, refreshToken.token);
  }

  async logout(accessToken: string): Promise<void> {
    const session = await this.authenticate(accessToken);
    await this.db.transaction({ userId: session.userId }, async (tx) => {
      await revokeSession(tx, session.userId, session.id, 'logout');
      await this.revocations.record(tx, 'session', session.id);
    });
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
  private async authenticate(accessToken: string): Promise<Session> {
    const { sub: userId, sid } = await this.tokens.verifyAccessToken(accessToken);
    const session = await findLiveSession(this.db.read({ userId }), userId, sid);
    if (!session) throw new Problem('token-invalid');
    return session;
  }
}
