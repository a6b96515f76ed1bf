import type { Tokens } from '@capstone/contracts/auth';
import type { Tokens as TokensMessage } from '@capstone/contracts/generated/capstone/auth/v1/tokens';

/** The proto names the unit in its field, as protos should; the JSON contract has OAuth's name for it. */
export function toTokensMessage(tokens: Tokens): TokensMessage {
  return {
    accessToken: tokens.accessToken,
    expiresInSeconds: tokens.expiresIn,
    refreshToken: tokens.refreshToken,
    workspace: tokens.workspace,
  };
}
