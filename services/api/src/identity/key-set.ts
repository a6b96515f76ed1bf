import { importJWK, type CryptoKey } from 'jose';
import { z } from 'zod';
import type { Logger } from '@capstone/platform/log';

/** Public ES256 members only; whatever else a key set holds is not for us. */
const Jwks = z.object({
  keys: z.array(
    z.looseObject({
      kid: z.string().min(1).max(100),
      kty: z.literal('EC'),
      crv: z.literal('P-256'),
      alg: z.literal('ES256'),
      d: z.undefined().optional(),
    }),
  ),
});

export interface KeySetOptions {
  /** An RFC 7517 key set as JSON, from auth. */
  readonly fetchJwks: () => Promise<string>;
  readonly logger: Logger;
  readonly nowMs?: () => number;
}

/** Between two fetches that an unknown key id may cause: forged ids must not become traffic for auth. */
const cooldownMs = 30_000;

/** auth's public keys. A fetch that fails keeps the keys that are known. */
export class KeySet {
  private keys: ReadonlyMap<string, CryptoKey> = new Map();
  private published = '{"keys":[]}';
  private askedAtMs = Number.NEGATIVE_INFINITY;
  private fetching: Promise<boolean> | undefined;
  private readonly nowMs: () => number;

  constructor(private readonly options: KeySetOptions) {
    this.nowMs = options.nowMs ?? (() => performance.now());
  }

  get isLoaded(): boolean {
    return this.keys.size > 0;
  }

  /** The set as auth published it. */
  get json(): string {
    return this.published;
  }

  /** The key with this id; asks auth for one it does not know, but not more often than every 30 s. */
  async get(kid: string): Promise<CryptoKey | undefined> {
    const known = this.keys.get(kid);
    if (known) return known;
    // Whoever comes while a fetch is under way waits for that one.
    if (this.fetching === undefined && this.nowMs() - this.askedAtMs < cooldownMs) return undefined;
    await this.refresh();
    return this.keys.get(kid);
  }

  /** Fetches the set now. False when that failed. */
  refresh(): Promise<boolean> {
    this.fetching ??= this.fetch().finally(() => (this.fetching = undefined));
    return this.fetching;
  }

  private async fetch(): Promise<boolean> {
    this.askedAtMs = this.nowMs();
    try {
      const json = await this.options.fetchJwks();
      const { keys } = Jwks.parse(JSON.parse(json));
      const imported = new Map<string, CryptoKey>();
      for (const jwk of keys) {
        const key = await importJWK(jwk, 'ES256');
        if (!(key instanceof Uint8Array)) imported.set(jwk.kid, key);
      }
      this.keys = imported;
      this.published = json;
      return true;
    } catch (error) {
      this.options.logger.warn({ err: error }, 'the signing keys could not be fetched from auth');
      return false;
    }
  }
}
