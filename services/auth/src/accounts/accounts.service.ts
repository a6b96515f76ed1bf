import { Injectable } from '@nestjs/common';
import type { Login, SignIn } from '@capstone/contracts/auth';
import { SignInService } from '../mfa/sign-in.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { Source } from '../source.js';
import { WorkspacesService } from '../workspaces/workspaces.service.js';
import { PasswordCheckService } from './password-check.service.js';
import type { Client } from './password-check.service.js';

/** Proving with a password who one is, for the first time or again. */
@Injectable()
export class AccountsService {
  constructor(
    private readonly passwordCheck: PasswordCheckService,
    private readonly workspaces: WorkspacesService,
    private readonly sessions: SessionsService,
    private readonly signIn: SignInService,
  ) {}

  /** The workspace is looked at only for who has proven to be its user, so asking for one tells a stranger nothing. */
  async login({ email, password, workspaceId }: Login, client: Client): Promise<SignIn> {
    const { userId } = await this.passwordCheck.checkByEmail(email, password, client);
    const workspace = await this.workspaces.choose(userId, workspaceId);
    return this.signIn.afterFirstFactor(userId, workspace, { source: sourceOf(client) });
  }

  async stepUp(accessToken: string, password: string, client: Client): Promise<SignIn> {
    const session = await this.sessions.authenticate(accessToken);
    await this.passwordCheck.checkOwn(session.userId, password, client);
    const workspace = await this.workspaces.choose(session.userId, session.workspaceId);
    return this.signIn.afterFirstFactor(session.userId, workspace, {
      source: sourceOf(client),
      replaces: session.id,
    });
  }
}

function sourceOf({ address, userAgent }: Client): Source {
  return { address: address ?? null, userAgent: userAgent ?? null };
}
