import type { Infra } from '@capstone/local/infra';
import { inject } from 'vitest';

export const databaseRoles = ['admin', 'migrator', 'auth', 'api', 'worker'] as const;
export type DatabaseRole = (typeof databaseRoles)[number];
export const redisUsers = ['auth', 'api', 'worker', 'admin'] as const;
export type RedisUser = (typeof redisUsers)[number];
export const workloads = ['auth', 'api', 'worker'] as const;
export type DatabaseName = 'app' | 'auth';

export interface CertificatePaths {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

/** What the global setup hands to every test file: addresses and paths, nothing that lives. */
export interface TestInfra {
  readonly postgres: {
    readonly caFile: string | undefined;
    /** Addresses of the maintenance database by role. */
    readonly urls: Readonly<Record<DatabaseRole, string>>;
    readonly templates: Readonly<Record<DatabaseName, string>>;
  };
  readonly redis: Readonly<
    Record<'queue' | 'cache', Readonly<Record<RedisUser, string>>> & { caFile: string | undefined }
  >;
  readonly certificates: Readonly<Record<(typeof workloads)[number] | 'foreign', CertificatePaths>>;
}

declare module 'vitest' {
  interface ProvidedContext {
    infra: TestInfra;
  }
}

/** The servers of this test run. Throws outside the `component` project, which starts them. */
export function testInfra(): TestInfra {
  const infra = inject('infra');
  if (!infra) throw new Error('Only component tests, in a test/ folder, have Postgres and Redis.');
  return infra;
}

/** The part of it that goes to the test threads. */
export function describeInfra(
  infra: Infra,
  templates: TestInfra['postgres']['templates'],
  foreign: CertificatePaths,
): TestInfra {
  const { postgres, redis, certificates } = infra;
  return {
    postgres: {
      caFile: postgres.caFile,
      urls: byKey(databaseRoles, (role) => postgres.urlFor(role, 'postgres')),
      templates,
    },
    redis: {
      caFile: redis.queue.caFile,
      queue: byKey(redisUsers, (user) => redis.queue.urlFor(user)),
      cache: byKey(redisUsers, (user) => redis.cache.urlFor(user)),
    },
    certificates: { ...byKey(workloads, (workload) => certificates.for(workload)), foreign },
  };
}

function byKey<Key extends string, T>(keys: readonly Key[], value: (key: Key) => T) {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<Key, T>;
}
