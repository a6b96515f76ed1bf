import { Injectable } from '@nestjs/common';
import type { ChangePassword } from '@capstone/contracts/auth';
import { Database } from '@capstone/platform/database';
import { AuditService } from '../audit/audit.service.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { StepUpService } from '../step-up/step-up.service.js';
import { UsersService } from '../users/users.service.js';
import { PasswordCheckService } from './password-check.service.js';
import type { Client } from './password-check.service.js';

/** What a signed-in person does with their own password. */
@Injectable()
export class OwnPasswordService {
  constructor(
    private readonly db: Database,
    private readonly stepUp: StepUpService,
    private readonly passwordCheck: PasswordCheckService,
    private readonly passwords: PasswordsService,
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
    private readonly audit: AuditService,
  ) {}

  /** Whoever is signed in elsewhere may be the reason for the change, and has to come again. */
  async change(accessToken: string, passwords: ChangePassword, client: Client): Promise<void> {
    const { id: sessionId, userId, workspaceId } = await this.stepUp.authenticate(accessToken);
    const { email, name } = await this.users.getProfile(userId);
    const person = { email, name: name ?? undefined };
    this.passwords.requireAcceptable(passwords.newPassword, person, '/newPassword');
    await this.passwordCheck.checkOwn(userId, passwords.currentPassword, client);

    const passwordHash = await this.passwords.hash(passwords.newPassword);
    await this.db.transaction({ userId }, async (tx) => {
      await this.users.setPasswordHash(tx, userId, passwordHash);
      await this.sessions.endOthers(tx, { userId, sessionId, reason: 'password-changed' });
      await this.audit.append(tx, {
        workspaceId,
        action: 'password.changed',
        actorId: userId,
        sessionId,
      });
    });
    this.sessions.announceEnded();
  }
}
