import { Inject, Injectable } from '@nestjs/common';
import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnModuleInit,
} from '@nestjs/common';
import { importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { Database } from '@capstone/platform/database';
import type { Logger } from '@capstone/platform/log';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { insertKey, listUsableKeys, lockSigningKeys } from './keys.repository.js';
import type { KeyRow } from './keys.repository.js';
import { generateSigningKey, signingAlgorithm, unwrapPrivateJwk } from './signing-key.js';
import type { StoredKey } from './signing-key.js';

interface ActiveKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

/** How long another process may go on with keys of before a change. */
const reloadMs = 2_000;

/** A retired key verifies this long: the life of a token, clocks that differ, and caches of the key set. */
const retiredSeconds = 20 * 60;

/** The keys that sign and verify access tokens, in memory, and read anew every two seconds. */
@Injectable()
export class KeysService
  implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown
{
  private active: ActiveKey | undefined;
  private jwks: readonly JWK[] = [];
  private publicKeys: ReadonlyMap<string, CryptoKey> = new Map();
  private loaded = '';
  private timer: NodeJS.Timeout | undefined;
  private reloading: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.adopt(await this.loadOrCreate());
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.tryReload(), reloadMs);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.reloading;
  }

  get signingKey(): ActiveKey {
    if (!this.active) throw new Error('Signing keys are not loaded yet');
    return this.active;
  }

  /** Undefined for a key we do not have: no outside place is ever asked for one. */
  findPublicKey(kid: string): CryptoKey | undefined {
    return this.publicKeys.get(kid);
  }

  /** As the database has them now: who asks may have been told of a change that this process has not seen. */
  async listPublicJwks(): Promise<readonly JWK[]> {
    await this.reload();
    return this.jwks;
  }

  /** One after the other, so that an older answer never replaces a newer one. */
  private reload(): Promise<void> {
    const next = this.reloading
      .catch(() => undefined)
      .then(async () => this.adopt(await listUsableKeys(this.db.unscoped, retiredSeconds)));
    this.reloading = next;
    return next;
  }

  private async tryReload(): Promise<void> {
    await this.reload().catch((err: unknown) => {
      this.logger.warn({ err }, 'signing keys could not be read anew; the known ones go on');
    });
  }

  private async adopt(keys: readonly KeyRow[]): Promise<void> {
    const state = keys.map((key) => `${key.kid} ${key.state}`).join();
    if (state === this.loaded) return;
    const active = keys.find((key) => key.state === 'active')!;
    const privateKey = await this.unwrap(active);
    const imported = keys.map(
      async ({ kid, publicJwk }) => [kid, await importKey(publicJwk)] as const,
    );
    this.publicKeys = new Map(await Promise.all(imported));
    this.active = { kid: active.kid, privateKey };
    this.jwks = keys.map((key) => key.publicJwk);
    this.loaded = state;
  }

  /** Processes that start together agree on one key: the lock is taken before looking, so only the first makes it. */
  private async loadOrCreate(): Promise<KeyRow[]> {
    return this.db.transaction({}, async (tx) => {
      await lockSigningKeys(tx);
      const keys = await listUsableKeys(tx, retiredSeconds);
      if (keys.some((key) => key.state === 'active')) return keys;
      const created = await generateSigningKey(this.config.keys.encryptionKey);
      await insertKey(tx, created, 'active');
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
