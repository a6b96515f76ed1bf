import type { SignIn, Tokens } from '@capstone/contracts/auth';
import type {
  MfaRequired,
  Tokens as TokensMessage,
} from '@capstone/contracts/generated/capstone/auth/v1/tokens';

/** The proto names the unit in its field, as protos should; the JSON contract has OAuth's name for it. */
export function toTokensMessage(tokens: Tokens): TokensMessage {
  return {
    accessToken: tokens.accessToken,
    expiresInSeconds: tokens.expiresIn,
    refreshToken: tokens.refreshToken,
    workspace: tokens.workspace,
  };
}

/** The two outcomes of a right password, as the `oneof` of the messages that carry them. */
export function toSignInMessage(signIn: SignIn): {
  tokens: TokensMessage | undefined;
  mfaRequired: MfaRequired | undefined;
} {
  if (signIn.status === 'authenticated') {
    return { tokens: toTokensMessage(signIn), mfaRequired: undefined };
  }
  const { challengeId, methods } = signIn;
  return { tokens: undefined, mfaRequired: { challengeId, methods } };
}
