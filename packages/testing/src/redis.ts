import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { RedisUser } from './test-infra.js';
import { testInfra } from './test-infra.js';

/** The two Redis instances of the test run, with a key prefix that no other file has. */
export interface TestRedis {
  queueUrl(user: RedisUser): string;
  cacheUrl(user: RedisUser): string;
  readonly caFile: string | undefined;
  /** For REDIS_KEY_PREFIX; `capstone-` and a random part, which the ACL patterns allow. */
  readonly prefix: string;
  /** Deletes the keys that begin with the prefix, in both instances. Call it in afterAll. */
  flush(): Promise<void>;
}

/** Nothing is shared between files but the servers. */
export function testRedis(): TestRedis {
  const { caFile, queue, cache } = testInfra().redis;
  const prefix = `capstone-${randomBytes(5).toString('hex')}`;
  return {
    queueUrl: (user) => queue[user],
    cacheUrl: (user) => cache[user],
    caFile,
    prefix,
    async flush() {
      await Promise.all(
        [queue.admin, cache.admin].map((url) => deleteUnder(url, caFile, `${prefix}*`)),
      );
    },
  };
}

async function deleteUnder(url: string, caFile: string | undefined, pattern: string) {
  const redis = new Redis(url, caFile ? { tls: { ca: readFileSync(caFile) } } : {});
  try {
    for await (const keys of redis.scanStream({ match: pattern, count: 1_000 })) {
      const found = keys as string[];
      if (found.length > 0) await redis.unlink(...found);
    }
  } finally {
    redis.disconnect();
  }
}
