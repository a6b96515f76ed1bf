import { Injectable } from '@nestjs/common';
import type { RecoveryCodes, TotpEnrolment } from '@capstone/contracts/auth';
import { Database } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { FactorsService } from '../factors/factors.service.js';
import type { Verdict } from '../factors/factors.service.js';
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
  ) {}

  async enrol(accessToken: string): Promise<TotpEnrolment> {
    const { userId } = await this.stepUp.authenticate(accessToken);
    const user = await this.users.getProfile(userId);
    return this.db.transaction({ userId }, (tx) => this.factors.enrol(tx, user));
  }

  /** Whoever was signed in elsewhere was so with less, and has to come again (ASVS 7.4.3). */
  async confirm(accessToken: string, code: string): Promise<RecoveryCodes> {
    const { id: sessionId, userId } = await this.stepUp.authenticate(accessToken);
    const outcome = await this.db.transaction({ userId }, async (tx) => {
      const verdict = await this.factors.confirm(tx, userId, code);
      if (verdict.kind !== 'accepted') return { verdict };
      await this.sessions.endOthers(tx, { userId, sessionId, reason: 'factors-changed' });
      return { verdict, recoveryCodes: await this.factors.renewRecoveryCodes(tx, userId) };
    });
    assertAccepted(outcome.verdict);
    this.sessions.announceEnded();
    return { recoveryCodes: outcome.recoveryCodes! };
  }

  /** The code stands for the second factor, so a session from before the enrolment may do it too. */
  async remove(accessToken: string, code: string): Promise<void> {
    const { id: sessionId, userId } = await this.stepUp.authenticateFirstFactor(accessToken);
    const verdict = await this.db.transaction({ userId }, async (tx) => {
      if (!(await this.factors.isEnrolled(tx, userId))) throw new Problem('totp-not-enrolled');
      const judged = await this.factors.verify(tx, userId, { method: 'totp', code });
      if (judged.kind === 'accepted') {
        await this.factors.remove(tx, userId);
        await this.sessions.endOthers(tx, { userId, sessionId, reason: 'factors-changed' });
      }
      return judged;
    });
    assertAccepted(verdict);
    this.sessions.announceEnded();
  }
}

function assertAccepted(verdict: Verdict): void {
  if (verdict.kind === 'locked') {
    throw new Problem('mfa-locked', { retryAfterSeconds: verdict.retryAfterSeconds });
  }
  if (verdict.kind === 'refused') throw new Problem('mfa-code-invalid');
}
