import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { Tokens } from '@capstone/contracts/auth';
import { Database } from '@capstone/platform/database';
import type { Transaction } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import type { Logger } from '@capstone/platform/log';
import { LOGGER } from '@capstone/platform/service';
import { sessionsRevokedAtRefresh } from '../metrics.js';
import { AuditService } from '../audit/audit.service.js';
import { RevocationsService } from '../revocations/revocations.service.js';
import type { Source } from '../source.js';
import { openSuccessor, sealSuccessor } from '../tokens/refresh-token.js';
import { TokensService } from '../tokens/tokens.service.js';
import type { RefreshToken } from '../tokens/tokens.service.js';
import { WorkspacesService } from '../workspaces/workspaces.service.js';
import type { Membership } from '../workspaces/membership.js';
import {
  consumeRefreshToken,
  eraseSealedSuccessors,
  findRefreshToken,
  findSpentRefreshToken,
  insertRefreshToken,
} from './refresh-tokens.repository.js';
import type { KnownRefreshToken } from './refresh-tokens.repository.js';
import { idleLifetimeSeconds, replayWindowSeconds } from './session-lifetimes.js';
import { lockLiveSession, revokeSession, touchSession } from './sessions.repository.js';
import type { RevokeReason, Session } from './sessions.repository.js';

type Outcome =
  | { kind: 'continued'; session: Session; workspace: Membership; refreshToken: string }
  | { kind: 'revoked'; session: Session; reason: RevokeReason }
  | { kind: 'refused' };

/** A refresh token is used once and replaced. The whole session is the family that its reuse ends (RFC 9700 §4.14.2). */
@Injectable()
export class RotationService {
  constructor(
    private readonly db: Database,
    private readonly tokens: TokensService,
    private readonly workspaces: WorkspacesService,
    private readonly revocations: RevocationsService,
    private readonly audit: AuditService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async refresh(refreshToken: string, source: Source): Promise<Tokens> {
    const presented = this.tokens.readRefreshToken(refreshToken);
    const known = await findRefreshToken(this.db.unscoped, presented.hash);
    if (!known) throw new Problem('refresh-token-invalid');

    const outcome = await this.db.transaction({ userId: known.userId }, (tx) =>
      this.rotate(tx, presented, known, source),
    );
    if (outcome.kind === 'continued') {
      return this.tokens.issue(outcome.session, outcome.workspace, outcome.refreshToken);
    }
    if (outcome.kind === 'revoked') this.report(outcome.session, outcome.reason, source);
    throw new Problem('refresh-token-invalid');
  }

  async eraseSealedSuccessors(): Promise<void> {
    await eraseSealedSuccessors(this.db.unscoped, replayWindowSeconds);
  }

  /** Returns every outcome instead of throwing: a revocation must commit. */
  private async rotate(
    tx: Transaction,
    presented: RefreshToken,
    known: KnownRefreshToken,
    source: Source,
  ): Promise<Outcome> {
    const session = await lockLiveSession(tx, known.userId, known.sessionId);
    if (!session) return { kind: 'refused' };

    // Nobody refreshes into a workspace they have left, and the role is the one of now.
    const workspace = await this.workspaces.find(tx, session.userId, session.workspaceId);
    if (!workspace) return this.revoke(tx, session, 'membership-ended', source);

    const successor = this.tokens.mintRefreshToken();
    if (await consumeRefreshToken(tx, known.id, sealSuccessor(presented, successor.token))) {
      await insertRefreshToken(tx, {
        id: uuidv7(),
        sessionId: session.id,
        userId: session.userId,
        hash: successor.hash,
        parentId: known.id,
        idleSeconds: idleLifetimeSeconds,
      });
      await touchSession(tx, session, source);
      return { kind: 'continued', session, workspace, refreshToken: successor.token };
    }

    const spent = await findSpentRefreshToken(tx, known.id, replayWindowSeconds);
    if (!spent.consumed) return { kind: 'refused' };
    if (!spent.sealedSuccessor) return this.revoke(tx, session, 'refresh-token-reused', source);
    const again = openSuccessor(presented, spent.sealedSuccessor);
    return { kind: 'continued', session, workspace, refreshToken: again };
  }

  private async revoke(
    tx: Transaction,
    session: Session,
    reason: 'membership-ended' | 'refresh-token-reused',
    source: Source,
  ): Promise<Outcome> {
    await revokeSession(tx, session.userId, session.id, reason);
    await this.revocations.record(tx, 'session', session.id);
    await this.audit.append(tx, {
      workspaceId: session.workspaceId,
      action: reason === 'refresh-token-reused' ? 'refresh-token.reused' : 'session.ended',
      outcome: 'deny',
      actorId: session.userId,
      sessionId: session.id,
      reason,
      ...source,
    });
    return { kind: 'revoked', session, reason };
  }

  private report(session: Session, reason: RevokeReason, { address }: Source): void {
    this.revocations.announce();
    sessionsRevokedAtRefresh.inc({ reason });
    this.logger.warn(
      { sessionId: session.id, userId: session.userId, reason, address },
      'session revoked at refresh',
    );
  }
}
