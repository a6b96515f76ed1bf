import { Inject, Injectable } from '@nestjs/common';
import type { AccessClaims, Tokens } from '@capstone/contracts/auth';
import { Problem } from '@capstone/platform/problem';
import { CONFIG } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { KeysService } from '../keys/keys.service.js';
import type { Membership } from '../workspaces/membership.js';
import { signAccessToken, verifyAccessToken } from './access-token.js';
import type { Grant } from './access-token.js';
import { hashRefreshToken, isRefreshToken, mintRefreshToken } from './refresh-token.js';

/** A refresh token in clear, which only its holder keeps, and the hash that stands for it here. */
export interface RefreshToken {
  readonly token: string;
  readonly hash: Buffer;
}

@Injectable()
export class TokensService {
  constructor(
    private readonly keys: KeysService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** What a sign-in or a refresh answers with. */
  async issue(
    session: Omit<Grant, 'role' | 'epoch'>,
    workspace: Membership,
    refreshToken: string,
  ): Promise<Tokens> {
    const { id, name, role, epoch } = workspace;
    const grant = { ...session, role, epoch };
    return {
      status: 'authenticated',
      tokenType: 'Bearer',
      ...(await signAccessToken(grant, this.config.tokens, this.keys.signingKey)),
      refreshToken,
      workspace: { id, name, role },
    };
  }

  async verifyAccessToken(token: string): Promise<AccessClaims> {
    const claims = await verifyAccessToken(token, this.config.tokens, (kid) =>
      this.keys.findPublicKey(kid),
    );
    if (!claims) throw new Problem('token-invalid');
    return claims;
  }

  mintRefreshToken(): RefreshToken {
    return this.withHash(mintRefreshToken());
  }

  readRefreshToken(token: string): RefreshToken {
    if (!isRefreshToken(token)) throw new Problem('refresh-token-invalid');
    return this.withHash(token);
  }

  private withHash(token: string): RefreshToken {
    return { token, hash: hashRefreshToken(this.config.tokens.pepper, token) };
  }
}
