import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { Database } from '@capstone/platform/database';
import { CONFIG } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { insertActiveKey, listUsableKeys, lockSigningKeys } from './keys.repository.js';
import { generateSigningKey, signingAlgorithm, unwrapPrivateJwk } from './signing-key.js';
import type { StoredKey } from './signing-key.js';

interface ActiveKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

/** The keys that sign and verify access tokens, in memory from the start of the process. */
@Injectable()
export class KeysService implements OnModuleInit {
  private active: ActiveKey | undefined;
  private jwks: readonly JWK[] = [];
  private readonly publicKeys = new Map<string, CryptoKey>();

  constructor(
    private readonly db: Database,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async onModuleInit(): Promise<void> {
    const keys = await this.loadOrCreate();
    const active = keys.find((key) => key.state === 'active')!;
    this.active = { kid: active.kid, privateKey: await this.unwrap(active) };
    this.jwks = keys.map((key) => key.publicJwk);
    for (const key of keys) this.publicKeys.set(key.kid, await importKey(key.publicJwk));
  }

  get signingKey(): ActiveKey {
    if (!this.active) throw new Error('Signing keys are not loaded yet');
    return this.active;
  }

  /** Undefined for a key we do not have: no outside place is ever asked for one. */
  findPublicKey(kid: string): CryptoKey | undefined {
    return this.publicKeys.get(kid);
  }

  listPublicJwks(): readonly JWK[] {
    return this.jwks;
  }

  /** Processes that start together agree on one key: the lock is taken before looking, so only the first makes it. */
  private async loadOrCreate() {
    return this.db.transaction({}, async (tx) => {
      await lockSigningKeys(tx);
      const keys = await listUsableKeys(tx);
      if (keys.some((key) => key.state === 'active')) return keys;
      const created = await generateSigningKey(this.config.keys.encryptionKey);
      await insertActiveKey(tx, created);
      return [...keys, { ...created, state: 'active' as const }];
    });
  }

  private async unwrap(stored: StoredKey): Promise<CryptoKey> {
    try {
      return await importKey(unwrapPrivateJwk(this.config.keys.encryptionKey, stored));
    } catch (cause) {
      throw new Error(
        `Signing key ${stored.kid} does not open: AUTH_KEY_ENCRYPTION_KEY is not the key it was stored with`,
        { cause },
      );
    }
  }
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  return (await importJWK(jwk, signingAlgorithm)) as CryptoKey;
}
