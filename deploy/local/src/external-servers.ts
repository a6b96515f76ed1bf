import { OperatorError } from './operator-error.js';
import { withClient } from './postgres-roles.js';
import { withRedis } from './redis-server.js';
import type { RedisAddress, Servers } from './servers.js';

const keys = {
  postgres: 'CAPSTONE_POSTGRES_URL',
  queue: 'CAPSTONE_REDIS_QUEUE_URL',
  cache: 'CAPSTONE_REDIS_CACHE_URL',
} as const;

/** Whether the environment names servers that exist already. */
export function isExternalGiven(env: NodeJS.ProcessEnv): boolean {
  return Object.values(keys).some((key) => env[key]);
}

/**
 * Servers that somebody else runs. The Postgres address is an administrator's: roles, databases and the extension
 * are made through it. The Redis addresses are given to the services as they are.
 * Throws OperatorError for an address that is missing, malformed or does not answer.
 */
export async function externalServers(env: NodeJS.ProcessEnv): Promise<Servers> {
  const postgres = address(env, keys.postgres, ['postgres:', 'postgresql:']);
  const queue = address(env, keys.queue, ['redis:', 'rediss:']);
  const cache = address(env, keys.cache, ['redis:', 'rediss:']);
  const postgresCa = env.CAPSTONE_POSTGRES_CA_FILE;
  const redisCa = env.CAPSTONE_REDIS_CA_FILE;

  await reach(keys.postgres, postgres, () =>
    withClient(postgres.href, postgresCa, (client) => client.query('select')),
  );
  await reach(keys.queue, queue, () => withRedis(queue.href, redisCa, (redis) => redis.ping()));
  await reach(keys.cache, cache, () => withRedis(cache.href, redisCa, (redis) => redis.ping()));

  const redis = (url: URL): RedisAddress => ({ caFile: redisCa, urlFor: () => url.href });
  return {
    source: 'external',
    origin: `the servers named by ${Object.values(keys).join(', ')}`,
    database: { adminUrl: postgres.href, caFile: postgresCa },
    redis: { queue: redis(queue), cache: redis(cache) },
    anyRunning: () => Promise.resolve(true),
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    erase: () => Promise.resolve(),
  };
}

function address(env: NodeJS.ProcessEnv, key: string, protocols: string[]): URL {
  const value = env[key];
  if (!value) {
    throw new OperatorError(
      `${key} is missing: to use servers of your own, set ${Object.values(keys).join(', ')}.`,
    );
  }
  const url = URL.parse(value);
  if (!url || !protocols.includes(url.protocol)) {
    throw new OperatorError(
      `${key} is not an address that begins with ${protocols[0]}//user:password@host:port.`,
    );
  }
  return url;
}

async function reach(key: string, url: URL, probe: () => Promise<unknown>): Promise<void> {
  try {
    await probe();
  } catch (error) {
    const reason = error instanceof Error ? error.message || error.name : String(error);
    throw new OperatorError(
      `${key} does not answer at ${url.host} (${reason}): start that server, or correct the address.`,
      { cause: error },
    );
  }
}
