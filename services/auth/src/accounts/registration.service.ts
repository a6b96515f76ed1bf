import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { Register } from '@capstone/contracts/auth';
import { Database } from '@capstone/platform/database';
import { AuditService } from '../audit/audit.service.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { UsersService } from '../users/users.service.js';
import { WorkspacesService } from '../workspaces/workspaces.service.js';

@Injectable()
export class RegistrationService {
  constructor(
    private readonly db: Database,
    private readonly passwords: PasswordsService,
    private readonly users: UsersService,
    private readonly workspaces: WorkspacesService,
    private readonly audit: AuditService,
  ) {}

  /** Says nothing about whether the address was known, neither in its answer nor in its time: it always hashes. */
  async register({ email, password, name }: Register): Promise<void> {
    this.passwords.requireAcceptable(password, { email, name }, '/password');
    const passwordHash = await this.passwords.hash(password);
    const userId = uuidv7();
    const workspaceId = uuidv7();
    await this.db.transaction({ userId, workspaceId }, async (tx) => {
      const created = await this.users.create(tx, { id: userId, email, name, passwordHash });
      if (created) await this.workspaces.createPersonal(tx, { workspaceId, userId, name });
      // Also of a known address, for which it costs the same.
      await this.audit.append(tx, {
        workspaceId: created ? workspaceId : undefined,
        action: 'account.registered',
        outcome: created ? 'allow' : 'deny',
        actorId: created ? userId : null,
      });
    });
  }
}
