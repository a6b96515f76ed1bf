import { Injectable } from '@nestjs/common';
import type { Session as ListedSession } from '@capstone/contracts/sessions';
import { Database } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { AuditService } from '../audit/audit.service.js';
import { RevocationsService } from '../revocations/revocations.service.js';
import { endSession, listLiveSessions } from './own-sessions.repository.js';
import { SessionsService } from './sessions.service.js';

/** What people see of their own sessions, and how they end them. */
@Injectable()
export class OwnSessionsService {
  constructor(
    private readonly db: Database,
    private readonly sessions: SessionsService,
    private readonly revocations: RevocationsService,
    private readonly audit: AuditService,
  ) {}

  async list(accessToken: string): Promise<ListedSession[]> {
    const { id, userId } = await this.sessions.authenticate(accessToken);
    return listLiveSessions(this.db.read({ userId }), userId, id);
  }

  /** A session of others, an ended one and an unknown one are all the same: not found. */
  async end(accessToken: string, sessionId: string): Promise<void> {
    const { id, userId } = await this.sessions.authenticate(accessToken);
    await this.db.transaction({ userId }, async (tx) => {
      const workspaceId = await endSession(tx, { userId, sessionId, reason: 'ended-by-user' });
      if (workspaceId === undefined) throw new Problem('session-not-found');
      await this.revocations.record(tx, 'session', sessionId);
      await this.audit.append(tx, {
        workspaceId,
        action: 'session.ended',
        actorId: userId,
        sessionId: id,
        target: { type: 'session', id: sessionId },
      });
    });
    this.revocations.announce();
  }

  async endOthers(accessToken: string): Promise<void> {
    const { id: sessionId, userId, workspaceId } = await this.sessions.authenticate(accessToken);
    await this.db.transaction({ userId }, async (tx) => {
      await this.sessions.endOthers(tx, { userId, sessionId, reason: 'ended-by-user' });
      await this.audit.append(tx, {
        workspaceId,
        action: 'session.ended',
        actorId: userId,
        sessionId,
        reason: 'all-others',
      });
    });
    this.revocations.announce();
  }
}
