import { Injectable } from '@nestjs/common';
import {
  Me,
  SignIn,
  Tokens,
  type ChangePassword,
  type Login,
  type Register,
  type StepUp,
} from '@capstone/contracts/auth';
import type { StepUpResponse } from '@capstone/contracts/generated/capstone/auth/v1/accounts_service';
import type {
  Source,
  Tokens as TokensMessage,
} from '@capstone/contracts/generated/capstone/auth/v1/tokens';
import { AuthClient } from '../identity/auth-client.js';

/** Hashing a password takes its time, and may have to wait for its turn. */
const hashingDeadlineMs = 5_000;

/** What auth does, in the words of the public API. Its Problems go through as they are. */
@Injectable()
export class AuthService {
  constructor(private readonly client: AuthClient) {}

  async register(source: Source, input: Register) {
    await this.client.accounts.register({ ...input, source }, { deadlineMs: hashingDeadlineMs });
    return { status: 'accepted' as const };
  }

  async login(source: Source, deviceToken: string | undefined, input: Login) {
    const outcome = await this.client.accounts.login(
      { ...input, source, deviceToken },
      { deadlineMs: hashingDeadlineMs },
    );
    return { signIn: toSignIn(outcome), deviceToken: outcome.deviceToken };
  }

  async stepUp(authorization: string, source: Source, input: StepUp): Promise<SignIn> {
    const outcome = await this.client.accounts.stepUp(
      { ...input, source },
      { deadlineMs: hashingDeadlineMs, metadata: { authorization } },
    );
    return toSignIn(outcome);
  }

  async changePassword(authorization: string, source: Source, input: ChangePassword) {
    await this.client.accounts.changePassword(
      { ...input, source },
      { deadlineMs: hashingDeadlineMs, metadata: { authorization } },
    );
  }

  async refresh(source: Source, refreshToken: string): Promise<Tokens> {
    const { tokens } = await this.client.sessions.refresh({ refreshToken, source });
    return toTokens(tokens);
  }

  /** auth verifies the token itself: our certificate speaks for nobody. */
  async logout(authorization: string): Promise<void> {
    await this.client.sessions.logout({}, { metadata: { authorization } });
  }

  async me(authorization: string): Promise<Me> {
    const me = await this.client.sessions.getMe({}, { metadata: { authorization } });
    return Me.parse({
      user: {
        id: me.userId,
        email: me.email,
        name: me.name ?? null,
        emailVerified: me.emailVerified,
      },
      workspace: me.workspace,
      role: me.workspace?.role,
      scopes: me.scopes,
      aal: me.aal,
    });
  }
}

function toSignIn({ tokens, mfaRequired }: StepUpResponse): SignIn {
  if (!mfaRequired) return toTokens(tokens);
  return SignIn.parse({ status: 'mfa_required', ...mfaRequired });
}

export function toTokens(tokens: TokensMessage | undefined): Tokens {
  return Tokens.parse({
    status: 'authenticated',
    tokenType: 'Bearer',
    accessToken: tokens?.accessToken,
    expiresIn: tokens?.expiresInSeconds,
    refreshToken: tokens?.refreshToken,
    workspace: tokens?.workspace,
  });
}
