import { createHmac, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { MfaRequired, SignIn, Tokens, VerifyMfa } from '@capstone/contracts/auth';
import { Database } from '@capstone/platform/database';
import type { Transaction } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { CONFIG } from '@capstone/platform/service';
import { AuditService } from '../audit/audit.service.js';
import type { Config } from '../config.js';
import { FactorsService } from '../factors/factors.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { OpenedSession } from '../sessions/sessions.service.js';
import type { Source } from '../source.js';
import type { Membership } from '../workspaces/membership.js';
import { WorkspacesService } from '../workspaces/workspaces.service.js';
import {
  consumeChallenge,
  countAttempt,
  deleteExpiredChallenges,
  findChallenge,
  insertChallenge,
} from './challenges.repository.js';
import type { Challenge } from './challenges.repository.js';

const challengeLifetimeSeconds = 5 * 60;
const mostAttempts = 5;
const challengePrefix = 'cap_mfa_';

interface Verified {
  readonly userId: string;
  readonly tokens: Tokens;
}

type Outcome =
  | { readonly kind: 'opened'; readonly opened: OpenedSession }
  | { readonly kind: 'failed'; readonly problem: Problem };

/** From a first factor that was right to a session, by way of the second factor where there is one. */
@Injectable()
export class SignInService {
  constructor(
    private readonly db: Database,
    private readonly factors: FactorsService,
    private readonly sessions: SessionsService,
    private readonly workspaces: WorkspacesService,
    private readonly audit: AuditService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** `replaces` is the session of a step-up, which ends when the new one begins. */
  async afterFirstFactor(
    userId: string,
    workspace: Membership,
    { source, replaces }: { source: Source; replaces?: string },
  ): Promise<SignIn> {
    if (await this.factors.isEnrolled(this.db.unscoped, userId)) {
      return this.challenge({ userId, workspaceId: workspace.id, replacesSessionId: replaces });
    }
    return this.sessions.start(userId, workspace, { source, replaces });
  }

  async verify({ challengeId, method, code }: VerifyMfa, source: Source): Promise<Verified> {
    const hash = this.hash(challengeId);
    const challenge = await findChallenge(this.db.unscoped, hash);
    if (!challenge) throw new Problem('mfa-challenge-invalid');

    const { userId, workspaceId } = challenge;
    const outcome = await this.db.transaction({ userId, workspaceId }, async (tx) => {
      const judged = await this.judge(tx, hash, { challenge, method, code, source });
      if (judged.kind === 'failed') {
        await this.audit.append(tx, {
          workspaceId,
          action: 'second-factor.refused',
          outcome: 'deny',
          actorId: userId,
          reason: judged.problem.code,
          ...source,
        });
      }
      return judged;
    });
    if (outcome.kind === 'failed') throw outcome.problem;
    return { userId, tokens: await this.sessions.issue(outcome.opened) };
  }

  async deleteExpiredChallenges(): Promise<void> {
    await deleteExpiredChallenges(this.db.unscoped);
  }

  private async judge(
    tx: Transaction,
    hash: Buffer,
    shown: { challenge: Challenge; source: Source } & Pick<VerifyMfa, 'method' | 'code'>,
  ): Promise<Outcome> {
    const { challenge, method, code, source } = shown;
    if (!(await countAttempt(tx, hash, mostAttempts))) return failed('mfa-challenge-invalid');
    const verdict = await this.factors.verify(tx, challenge.userId, { method, code });
    if (verdict.kind === 'locked') return failed('mfa-locked', verdict.retryAfterSeconds);
    if (verdict.kind === 'refused') return failed('mfa-code-invalid');
    return this.open(tx, hash, challenge, source);
  }

  private async open(
    tx: Transaction,
    hash: Buffer,
    challenge: Challenge,
    source: Source,
  ): Promise<Outcome> {
    const { userId, workspaceId, replacesSessionId } = challenge;
    const workspace = await this.workspaces.find(tx, userId, workspaceId);
    if (!workspace) return failed('mfa-challenge-invalid');
    await consumeChallenge(tx, hash);
    const opened = await this.sessions.open(tx, {
      userId,
      workspace,
      aal: 2,
      source,
      replaces: replacesSessionId ?? undefined,
    });
    return { kind: 'opened', opened };
  }

  private async challenge(of: {
    userId: string;
    workspaceId: string;
    replacesSessionId: string | undefined;
  }): Promise<MfaRequired> {
    const challengeId = challengePrefix + randomBytes(32).toString('base64url');
    await insertChallenge(this.db.unscoped, {
      ...of,
      hash: this.hash(challengeId),
      lifetimeSeconds: challengeLifetimeSeconds,
    });
    return { status: 'mfa_required', challengeId, methods: ['totp', 'recovery_code'] };
  }

  private hash(challengeId: string): Buffer {
    return createHmac('sha256', this.config.tokens.pepper).update(challengeId).digest();
  }
}

function failed(code: 'mfa-challenge-invalid' | 'mfa-code-invalid' | 'mfa-locked', wait?: number) {
  return { kind: 'failed' as const, problem: new Problem(code, { retryAfterSeconds: wait }) };
}
