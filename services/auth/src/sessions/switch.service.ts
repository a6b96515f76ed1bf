import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { Tokens } from '@capstone/contracts/auth';
import { Database } from '@capstone/platform/database';
import type { Transaction } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { AuditService } from '../audit/audit.service.js';
import { RevocationsService } from '../revocations/revocations.service.js';
import type { Source } from '../source.js';
import { TokensService } from '../tokens/tokens.service.js';
import { WorkspacesService } from '../workspaces/workspaces.service.js';
import { insertRefreshToken } from './refresh-tokens.repository.js';
import { idleLifetimeSeconds } from './session-lifetimes.js';
import { insertSwitchedSession, lockLiveSession, revokeSession } from './sessions.repository.js';
import type { Session } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';

/** A token names one workspace, so going to another one is an exchange of the whole session (ASVS 7.2.4). */
@Injectable()
export class SwitchService {
  constructor(
    private readonly db: Database,
    private readonly sessions: SessionsService,
    private readonly workspaces: WorkspacesService,
    private readonly tokens: TokensService,
    private readonly revocations: RevocationsService,
    private readonly audit: AuditService,
  ) {}

  /** The new session keeps the assurance, the time of the sign-in and the absolute end; the old one ends with it. */
  async switchTo(accessToken: string, workspaceId: string, source: Source): Promise<Tokens> {
    const { id, userId } = await this.sessions.authenticate(accessToken);
    const workspace = await this.workspaces.choose(userId, workspaceId);
    const refreshToken = this.tokens.mintRefreshToken();
    const session = await this.db.transaction({ userId, workspaceId }, async (tx) => {
      const current = await lockLiveSession(tx, userId, id);
      // Somebody else has ended or switched it since.
      if (!current) throw new Problem('token-invalid');
      const next = await this.replace(tx, current, workspaceId, source);
      await insertRefreshToken(tx, {
        id: uuidv7(),
        sessionId: next.id,
        userId,
        hash: refreshToken.hash,
        parentId: undefined,
        idleSeconds: idleLifetimeSeconds,
      });
      await this.workspaces.markUsed(tx, userId, workspaceId);
      await this.audit.append(tx, {
        workspaceId,
        action: 'session.switched',
        actorId: userId,
        sessionId: next.id,
        ...source,
        detail: { from: current.workspaceId, replaces: current.id },
      });
      return next;
    });
    this.revocations.announce();
    return this.tokens.issue(session, workspace, refreshToken.token);
  }

  private async replace(tx: Transaction, current: Session, workspaceId: string, source: Source) {
    const next = await insertSwitchedSession(tx, current, { id: uuidv7(), workspaceId, ...source });
    await revokeSession(tx, current.userId, current.id, 'switched');
    await this.revocations.record(tx, 'session', current.id);
    return next;
  }
}
