import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { Login, Register, SignIn } from '@capstone/contracts/auth';
import { Database } from '@capstone/platform/database';
import { Problem } from '@capstone/platform/problem';
import { SignInService } from '../mfa/sign-in.service.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { UsersService } from '../users/users.service.js';
import { WorkspacesService } from '../workspaces/workspaces.service.js';

@Injectable()
export class AccountsService {
  constructor(
    private readonly db: Database,
    private readonly passwords: PasswordsService,
    private readonly users: UsersService,
    private readonly workspaces: WorkspacesService,
    private readonly signIn: SignInService,
  ) {}

  /** Says nothing about whether the address was known, neither in its answer nor in its time: it always hashes. */
  async register({ email, password, name }: Register): Promise<void> {
    this.passwords.requireAcceptable(password, email);
    const passwordHash = await this.passwords.hash(password);
    const userId = uuidv7();
    const workspaceId = uuidv7();
    await this.db.transaction({ userId, workspaceId }, async (tx) => {
      const created = await this.users.create(tx, { id: userId, email, name, passwordHash });
      if (created) await this.workspaces.createPersonal(tx, { workspaceId, userId, name });
    });
  }

  /** The workspace is looked at only for who has proven to be its user, so asking for one tells a stranger nothing. */
  async login({ email, password, workspaceId }: Login): Promise<SignIn> {
    const credential = await this.users.findCredential(email);
    const matches = await this.passwords.matches(password, credential?.passwordHash);
    if (!credential || !matches) throw new Problem('credentials-invalid');

    const workspace = await this.workspaces.choose(credential.userId, workspaceId);
    return this.signIn.afterFirstFactor(credential.userId, workspace);
  }
}
