import { Injectable } from '@nestjs/common';
import type { RecoveryCodes, TotpEnrolment } from '@capstone/contracts/auth';
import { Database } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { AuditService } from '../audit/audit.service.js';
import { FactorsService } from '../factors/factors.service.js';
import type { Verdict } from '../factors/factors.service.js';
import type { Session } from '../sessions/sessions.repository.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { StepUpService } from '../step-up/step-up.service.js';
import { UsersService } from '../users/users.service.js';

/** How a signed-in person comes by a second factor, and parts with it. All of it needs a fresh sign-in. */
@Injectable()
export class EnrolmentService {
  constructor(
    private readonly db: Database,
    private readonly stepUp: StepUpService,
    private readonly users: UsersService,
    private readonly factors: FactorsService,
    private readonly sessions: SessionsService,
    private readonly audit: AuditService,
  ) {}

  async enrol(accessToken: string): Promise<TotpEnrolment> {
    const { userId } = await this.stepUp.authenticate(accessToken);
    const user = await this.users.getProfile(userId);
    return this.db.transaction({ userId }, (tx) => this.factors.enrol(tx, user));
  }

  /** Whoever was signed in elsewhere was so with less, and has to come again (ASVS 7.4.3). */
  async confirm(accessToken: string, code: string): Promise<RecoveryCodes> {
    const session = await this.stepUp.authenticate(accessToken);
    const { id: sessionId, userId } = session;
    const outcome = await this.db.transaction({ userId }, async (tx) => {
      const verdict = await this.factors.confirm(tx, userId, code);
      if (verdict.kind !== 'accepted') return { verdict };
      await this.sessions.endOthers(tx, { userId, sessionId, reason: 'factors-changed' });
      const recoveryCodes = await this.factors.renewRecoveryCodes(tx, userId);
      await this.audit.append(tx, changeOf(session, 'added'));
      return { verdict, recoveryCodes };
    });
    assertAccepted(outcome.verdict);
    this.sessions.announceEnded();
    return { recoveryCodes: outcome.recoveryCodes! };
  }

  /** The code stands for the second factor, so a session from before the enrolment may do it too. */
  async remove(accessToken: string, code: string): Promise<void> {
    const session = await this.stepUp.authenticateFirstFactor(accessToken);
    const { id: sessionId, userId } = session;
    const verdict = await this.db.transaction({ userId }, async (tx) => {
      if (!(await this.factors.isEnrolled(tx, userId))) throw new Problem('totp-not-enrolled');
      const judged = await this.factors.verify(tx, userId, { method: 'totp', code });
      if (judged.kind === 'accepted') {
        await this.factors.remove(tx, userId);
        await this.sessions.endOthers(tx, { userId, sessionId, reason: 'factors-changed' });
        await this.audit.append(tx, changeOf(session, 'removed'));
      }
      return judged;
    });
    assertAccepted(verdict);
    this.sessions.announceEnded();
  }
}

function changeOf({ id: sessionId, userId: actorId, workspaceId }: Session, reason: string) {
  return { workspaceId, action: 'factors.changed' as const, actorId, sessionId, reason };
}

function assertAccepted(verdict: Verdict): void {
  if (verdict.kind === 'locked') {
    throw new Problem('mfa-locked', { retryAfterSeconds: verdict.retryAfterSeconds });
  }
  if (verdict.kind === 'refused') throw new Problem('mfa-code-invalid');
}
