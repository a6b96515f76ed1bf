import { Injectable } from '@nestjs/common';
import { freshSignInSeconds } from '@capstone/contracts/auth';
import { Database } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { FactorsService } from '../factors/factors.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { Session } from '../sessions/sessions.repository.js';

/** The door of what could cost somebody their account: a stolen token, or a screen left open, is not enough for it. */
@Injectable()
export class StepUpService {
  constructor(
    private readonly db: Database,
    private readonly sessions: SessionsService,
    private readonly factors: FactorsService,
  ) {}

  /** A fresh sign-in, with the second factor where the user has one. Throws `step-up-required`. */
  async authenticate(accessToken: string): Promise<Session> {
    const session = await this.authenticateFirstFactor(accessToken);
    if (session.aal < 2 && (await this.factors.isEnrolled(this.db.unscoped, session.userId))) {
      throw new Problem('step-up-required', { detail: 'A second factor is needed for this.' });
    }
    return session;
  }

  /** A fresh sign-in of any assurance, for where the second factor comes with the request. */
  async authenticateFirstFactor(accessToken: string): Promise<Session> {
    const session = await this.sessions.authenticate(accessToken);
    if (Date.now() / 1_000 - session.authTimeSeconds > freshSignInSeconds) {
      throw new Problem('step-up-required', { detail: 'The sign-in is too long ago for this.' });
    }
    return session;
  }
}
