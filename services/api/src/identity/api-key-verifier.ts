import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Role } from '@capstone/contracts/permissions';
import { membershipId } from '@capstone/contracts/revocations';
import type { VerifyApiKeyResponse } from '@capstone/contracts/generated/capstone/auth/v1/api_keys_service';
import { isApiKey } from '@capstone/platform/api-key';
import { Problem } from '@capstone/platform/problem';
import type { Revocations } from './revocations.js';
import { isPermission, type VerifiedCaller } from './verified-caller.js';

export interface ApiKeyVerifierOptions {
  /** Asks auth. Throws Problem `token-invalid` for a key that does not count. */
  readonly verifyApiKey: (key: string) => Promise<VerifyApiKeyResponse>;
  readonly revocations: Revocations;
  readonly cacheSize: number;
}

/** How long auth's answer is good when no revocation says otherwise; also how current `lastUsedAt` is. */
const rememberMs = 60_000;

/** Verifies API keys: their form here, the rest by asking auth once a minute. */
export class ApiKeyVerifier {
  private readonly verified: LRUCache<string, VerifiedCaller>;

  constructor(private readonly options: ApiKeyVerifierOptions) {
    this.verified = new LRUCache({ max: options.cacheSize, ttl: rememberMs });
  }

  /** By digest, so that no heap dump holds a key. Forgotten when the role of its creator has changed. */
  recall(key: string): VerifiedCaller | undefined {
    const digest = hash('sha256', key, 'base64');
    const known = this.verified.get(digest);
    if (!known) return undefined;
    const isOver = Date.now() >= known.expiresAtMs;
    if (!isOver && !this.options.revocations.isOutdated(known.membershipId, known.epoch)) {
      return known;
    }
    this.verified.delete(digest);
    return undefined;
  }

  /** Undefined when anything is wrong with it. What cannot be one of ours is not asked about. */
  async verify(key: string): Promise<VerifiedCaller | undefined> {
    if (!isApiKey(key)) return undefined;
    try {
      const verified = toVerifiedCaller(await this.options.verifyApiKey(key));
      this.verified.set(hash('sha256', key, 'base64'), verified);
      return verified;
    } catch (error) {
      if (error instanceof Problem && error.code === 'token-invalid') return undefined;
      throw error;
    }
  }
}

function toVerifiedCaller(answer: VerifyApiKeyResponse): VerifiedCaller {
  return {
    principal: {
      kind: 'api-key',
      apiKeyId: answer.apiKeyId,
      userId: answer.userId,
      workspaceId: answer.workspaceId,
      role: Role.parse(answer.role),
      scopes: new Set(answer.scopes.filter(isPermission)),
    },
    membershipId: membershipId(answer.workspaceId, answer.userId),
    epoch: answer.epoch,
    expiresAtMs: answer.expiresAtMs,
  };
}
