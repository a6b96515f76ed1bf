import { hash } from 'node:crypto';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { AccessClaims } from '@capstone/contracts/auth';
import { accessTokenLifetimeSeconds, membershipId } from '@capstone/contracts/revocations';
import { isCompactJws } from '@capstone/platform/compact-jws';
import { tokenLookups, tokensVerified } from '../metrics.js';
import type { KeySet } from './key-set.js';
import { isPermission, type VerifiedCaller } from './verified-caller.js';

export interface TokenVerifierOptions {
  readonly keys: KeySet;
  readonly issuer: string;
  readonly audience: string;
  readonly cacheSize: number;
}

const clockSkewSeconds = 5;

/** Verifies access tokens (RFC 9068) and remembers the good ones until they expire. */
export class TokenVerifier {
  private readonly verified: LRUCache<string, VerifiedCaller>;

  constructor(private readonly options: TokenVerifierOptions) {
    this.verified = new LRUCache({ max: options.cacheSize });
  }

  /** How many tokens are remembered. */
  get remembered(): number {
    return this.verified.size;
  }

  /**
   * A token that was verified before and has not expired. Checking a signature costs 150 µs, this costs 1. The key of the
   * cache is a digest, so that no heap dump holds a token.
   */
  recall(token: string): VerifiedCaller | undefined {
    const digest = hash('sha256', token, 'base64');
    const known = this.verified.get(digest);
    const isUsable = known !== undefined && Date.now() < known.expiresAtMs;
    tokenLookups.inc({ outcome: isUsable ? 'hit' : 'miss' });
    if (isUsable) return known;
    this.verified.delete(digest);
    return undefined;
  }

  /** Checks everything; undefined when anything at all is wrong, and never why. */
  async verify(token: string): Promise<VerifiedCaller | undefined> {
    const verified = await this.check(token);
    tokensVerified.inc({ outcome: verified ? 'good' : 'refused' });
    if (verified) this.verified.set(hash('sha256', token, 'base64'), verified);
    return verified;
  }

  private async check(token: string): Promise<VerifiedCaller | undefined> {
    if (!isCompactJws(token)) return undefined;
    try {
      const { kid } = decodeProtectedHeader(token);
      const key = typeof kid === 'string' ? await this.options.keys.get(kid) : undefined;
      if (!key || kid === undefined) return undefined;

      const { payload } = await jwtVerify(token, key, {
        algorithms: ['ES256'],
        typ: 'at+jwt',
        issuer: this.options.issuer,
        audience: this.options.audience,
        requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id'],
        maxTokenAge: accessTokenLifetimeSeconds,
        clockTolerance: clockSkewSeconds,
      });
      // A list of audiences, even with ours in it, is a token that others hold too.
      if (typeof payload.aud !== 'string') return undefined;

      return toVerifiedCaller(AccessClaims.parse(payload), kid);
    } catch {
      return undefined;
    }
  }
}

function toVerifiedCaller(claims: AccessClaims, keyId: string): VerifiedCaller {
  return {
    keyId,
    membershipId: membershipId(claims.wid, claims.sub),
    epoch: claims.epoch,
    expiresAtMs: (claims.exp + clockSkewSeconds) * 1000,
    principal: {
      kind: 'user',
      userId: claims.sub,
      workspaceId: claims.wid,
      role: claims.role,
      scopes: new Set(claims.scope.split(' ').filter(isPermission)),
      sessionId: claims.sid,
      aal: claims.aal,
      authTimeSeconds: claims.auth_time,
      tokenId: claims.jti,
    },
  };
}
