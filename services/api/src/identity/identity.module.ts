import { Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Health } from '@capstone/platform/health';
import { onScrape } from '@capstone/platform/metric-registry';
import type { Logger } from '@capstone/platform/log';
import { connectRedis } from '@capstone/platform/redis';
import { CONFIG, LOGGER } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { RateLimiter } from '../limits/rate-limiter.js';
import { revocationFeedAge, revocationsKnown, tokenCacheEntries } from '../metrics.js';
import { AccessHook } from './access.hook.js';
import { ApiKeyVerifier } from './api-key-verifier.js';
import { AuthClient } from './auth-client.js';
import { DenialLog } from './denial-log.js';
import { KeySet } from './key-set.js';
import { KeysController } from './keys.controller.js';
import { RevocationFeed } from './revocation-feed.js';
import { Revocations } from './revocations.js';
import { TokenVerifier } from './token-verifier.js';

/** Learns of new keys long before auth signs with them, and of removed ones. */
const refreshKeysMs = 5 * 60_000;
const retryKeysMs = 1_000;

@Module({
  controllers: [KeysController],
  providers: [
    {
      provide: AuthClient,
      inject: [CONFIG, LOGGER],
      useFactory: ({ auth, tls }: Config, logger: Logger) =>
        AuthClient.open(auth.target, tls, logger),
    },
    {
      provide: KeySet,
      inject: [AuthClient, LOGGER],
      useFactory: (client: AuthClient, logger: Logger) =>
        new KeySet({
          fetchJwks: async () => (await client.keys.getJwks({})).jwksJson,
          logger,
        }),
    },
    { provide: Revocations, useFactory: () => new Revocations() },
    {
      provide: RevocationFeed,
      inject: [AuthClient, Revocations, CONFIG, LOGGER],
      useFactory: (client: AuthClient, revocations: Revocations, config: Config, logger: Logger) =>
        new RevocationFeed({
          revocations,
          redis: connectRedis({
            url: config.redis.queueUrl,
            caFile: config.redis.caFile,
            name: 'api-revocations',
            logger,
            forBlocking: true,
          }),
          keyPrefix: config.redis.keyPrefix,
          listRevocations: async () => (await client.revocations.listRevocations({})).revocations,
          logger,
        }),
    },
    {
      provide: TokenVerifier,
      inject: [KeySet, CONFIG],
      useFactory: (keys: KeySet, { auth }: Config) =>
        new TokenVerifier({
          keys,
          issuer: auth.issuer,
          audience: auth.audience,
          cacheSize: auth.tokenCacheSize,
        }),
    },
    {
      provide: ApiKeyVerifier,
      inject: [AuthClient, Revocations, CONFIG],
      useFactory: (client: AuthClient, revocations: Revocations, { auth }: Config) =>
        new ApiKeyVerifier({
          verifyApiKey: (key) => client.apiKeys.verifyApiKey({ key }),
          revocations,
          cacheSize: auth.tokenCacheSize,
        }),
    },
    RateLimiter,
    DenialLog,
    AccessHook,
  ],
  exports: [AuthClient, KeySet, Revocations, AccessHook],
})
export class IdentityModule implements OnApplicationBootstrap, OnModuleDestroy {
  private keysTimer: NodeJS.Timeout | undefined;
  private readonly stopShowing: () => void;

  constructor(
    access: AccessHook,
    adapterHost: HttpAdapterHost,
    private readonly keys: KeySet,
    private readonly feed: RevocationFeed,
    private readonly revocations: Revocations,
    health: Health,
    client: AuthClient,
    verifier: TokenVerifier,
  ) {
    this.stopShowing = onScrape(() => {
      revocationFeedAge.set(revocations.silentMs / 1_000);
      revocationsKnown.set(revocations.size);
      tokenCacheEntries.set(verifier.remembered);
    });
    access.install(adapterHost.httpAdapter.getInstance());
    health.register('certificate', client.checkCertificate);
    health.register('signing-keys', async () => {
      if (!keys.isLoaded) throw new Error('No signing key is known yet');
    });
    health.register('revocations', async () => {
      if (revocations.freshness === 'lost') throw new Error('The revocation feed is silent');
    });
  }

  onApplicationBootstrap() {
    this.feed.start();
    // A revoked key must not only be refused, it must not come back when the revocation is forgotten.
    this.revocations.onRevoked((kind) => {
      // A fetch that is under way may have left before the change; the one after it did not.
      if (kind === 'key') void this.keys.refresh().then(() => this.keys.refresh());
    });
    void this.refreshKeys();
  }

  async onModuleDestroy() {
    clearTimeout(this.keysTimer);
    this.stopShowing();
    await this.feed.stop();
  }

  private async refreshKeys() {
    const fetched = await this.keys.refresh();
    const nextMs = fetched ? refreshKeysMs : retryKeysMs;
    this.keysTimer = setTimeout(() => void this.refreshKeys(), nextMs).unref();
  }
}
