import { Injectable } from '@nestjs/common';
import type { SignIn } from '@capstone/contracts/auth';
import { Problem } from '@capstone/platform/problem';
import { SignInService } from '../mfa/sign-in.service.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { UsersService } from '../users/users.service.js';
import { WorkspacesService } from '../workspaces/workspaces.service.js';

/** What a signed-in person does with their own password. */
@Injectable()
export class OwnPasswordService {
  constructor(
    private readonly passwords: PasswordsService,
    private readonly users: UsersService,
    private readonly workspaces: WorkspacesService,
    private readonly sessions: SessionsService,
    private readonly signIn: SignInService,
  ) {}

  async stepUp(accessToken: string, password: string): Promise<SignIn> {
    const session = await this.sessions.authenticate(accessToken);
    const stored = await this.users.findPasswordHash(session.userId);
    if (!(await this.passwords.matches(password, stored))) throw new Problem('credentials-invalid');

    const workspace = await this.workspaces.choose(session.userId, session.workspaceId);
    return this.signIn.afterFirstFactor(session.userId, workspace, session.id);
  }
}
