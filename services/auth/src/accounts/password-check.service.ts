import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@capstone/platform/problem';
import { CONFIG } from '@capstone/platform/service';
import { AuditService } from '../audit/audit.service.js';
import type { Config } from '../config.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { ThrottleService } from '../throttle/throttle.service.js';
import type { Attempt } from '../throttle/throttle.service.js';
import type { Credential } from '../users/users.repository.js';
import { UsersService } from '../users/users.service.js';

/** Where an attempt comes from. */
export type Client = Omit<Attempt, 'identifier'> & { readonly userAgent?: string | undefined };

/**
 * Whether a password is somebody's. Every failure is the same `credentials-invalid`, after the same work;
 * too many are `rate-limited`, which depends on what the client sent alone.
 */
@Injectable()
export class PasswordCheckService {
  constructor(
    private readonly passwords: PasswordsService,
    private readonly users: UsersService,
    private readonly throttle: ThrottleService,
    private readonly audit: AuditService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Answers with whose it is. */
  async checkByEmail(email: string, password: string, client: Client): Promise<{ userId: string }> {
    const attempt = { identifier: email, ...client };
    let known: Credential | undefined;
    const credential = await this.throttle.judge(attempt, async () => {
      const found = await this.users.findCredential(email);
      known = found;
      const matches = await this.passwords.matches(password, found?.passwordHash);
      return found && matches && this.maySignIn(found) ? found : undefined;
    });
    if (!credential) return this.refuse(known?.userId, client);
    await this.renewHash(credential, password);
    return { userId: credential.userId };
  }

  async checkOwn(userId: string, password: string, client: Client): Promise<void> {
    const right = await this.throttle.judge({ identifier: userId, ...client }, async () => {
      const stored = await this.users.findPasswordHash(userId);
      return (await this.passwords.matches(password, stored)) || undefined;
    });
    if (!right) await this.refuse(userId, client);
  }

  /** Written down alike for who exists and who does not, with the same work. */
  private async refuse(userId: string | undefined, client: Client): Promise<never> {
    await this.audit.record({
      workspaceId: undefined,
      action: 'sign-in.refused',
      outcome: 'deny',
      actorId: userId ?? null,
      address: client.address ?? null,
      userAgent: client.userAgent ?? null,
    });
    throw new Problem('credentials-invalid');
  }

  /** Looked at after the hash, so that an address which is not verified is refused like a wrong password, and as late. */
  private maySignIn({ emailVerified }: Credential): boolean {
    return emailVerified || !this.config.accounts.requireVerifiedEmail;
  }

  private async renewHash({ userId, passwordHash }: Credential, password: string): Promise<void> {
    if (!this.passwords.isOutdated(passwordHash)) return;
    const to = await this.passwords.hash(password);
    await this.users.renewPasswordHash(userId, { from: passwordHash, to });
  }
}
