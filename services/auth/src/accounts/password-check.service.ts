import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@capstone/platform/problem';
import { CONFIG } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import type { Credential } from '../users/users.repository.js';
import { UsersService } from '../users/users.service.js';

/** Whether a password is somebody's. Every failure is the same `credentials-invalid`, after the same work. */
@Injectable()
export class PasswordCheckService {
  constructor(
    private readonly passwords: PasswordsService,
    private readonly users: UsersService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Answers with whose it is. */
  async checkByEmail(email: string, password: string): Promise<{ userId: string }> {
    const credential = await this.users.findCredential(email);
    const matches = await this.passwords.matches(password, credential?.passwordHash);
    if (!credential || !matches || !this.maySignIn(credential)) {
      throw new Problem('credentials-invalid');
    }
    await this.renewHash(credential, password);
    return { userId: credential.userId };
  }

  async checkOwn(userId: string, password: string): Promise<void> {
    const stored = await this.users.findPasswordHash(userId);
    if (!(await this.passwords.matches(password, stored))) throw new Problem('credentials-invalid');
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
