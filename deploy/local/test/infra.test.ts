import type { Redis } from 'ioredis';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startInfra, type Infra } from '../src/infra.js';
import { withClient, type DatabaseUser } from '../src/postgres-roles.js';
import type { RedisUser } from '../src/redis-acl.js';
import { withRedis } from '../src/redis-server.js';
import { isListening } from '../src/server-process.js';
import { exerciseQueue } from './exercise-queue.js';
import { Scratch } from './scratch.js';

let scratch: Scratch;
let infra: Infra;
beforeAll(async () => {
  scratch = new Scratch();
  infra = await startInfra({ profile: 'test', root: scratch.root });
});
afterAll(async () => {
  await infra?.stop();
  scratch.remove();
});

function query(of: Infra, user: DatabaseUser, database: string, sql: string) {
  return withClient(of.postgres.urlFor(user, database), of.postgres.caFile, (client) =>
    client.query<Record<string, string>>(sql),
  );
}

function onRedis<T>(
  instance: 'queue' | 'cache',
  user: RedisUser,
  work: (redis: Redis) => Promise<T>,
) {
  const { caFile, urlFor } = infra.redis[instance];
  return withRedis(urlFor(user), caFile, work);
}

function select(client: Client) {
  return client.query('select');
}

function ping(redis: Redis) {
  return redis.ping();
}

describe('Postgres', () => {
  test('takes TLS connections with the right password only', async () => {
    const { caFile } = infra.postgres;
    const url = infra.postgres.urlFor('api', 'app');

    await expect(withClient(url, caFile, select)).resolves.toBeDefined();
    await expect(withClient(url, undefined, select)).rejects.toThrow(/no encryption/);
    const wrong = url.replace(/:[^:@]+@/, ':wrong@');
    await expect(withClient(wrong, caFile, select)).rejects.toThrow(/password authentication/);
  });

  test.each([
    ['api', 'auth', 'select'],
    ['auth', 'app', 'select'],
    ['worker', 'auth', 'select'],
    ['api', 'app', 'create temp table t ()'],
    ['api', 'app', 'create table public.t ()'],
    ['api', 'app', 'create schema s'],
  ] as const)('refuses %s in database %s: %s', async (user, database, sql) => {
    await expect(query(infra, user, database, sql)).rejects.toThrow(/permission denied/);
  });

  test('lets api and worker use vectors', async () => {
    await expect(query(infra, 'api', 'app', `select '[1,2]'::vector`)).resolves.toBeDefined();
    await expect(query(infra, 'worker', 'app', `select '[1,2]'::vector`)).resolves.toBeDefined();
  });

  test('has roles that can do no more than log in', async () => {
    const found = await query(
      infra,
      'admin',
      'postgres',
      `select rolname from pg_roles where rolname ~ '^capstone_' and rolname <> 'capstone_admin'
       and rolcanlogin and not (rolsuper or rolbypassrls or rolinherit or rolcreatedb or rolcreaterole)
       order by 1`,
    );

    expect(found.rows.map((row) => row.rolname)).toEqual([
      'capstone_api',
      'capstone_auth',
      'capstone_migrator',
      'capstone_worker',
    ]);
  });
});

describe('Redis', () => {
  test('speaks to nobody without a user, and not at all without TLS', async () => {
    const { caFile, urlFor } = infra.redis.queue;
    const nobody = urlFor('api').replace(/\/\/.*@/, '//');
    const plain = urlFor('api').replace('rediss:', 'redis:');

    await expect(withRedis(nobody, caFile, ping)).rejects.toThrow();
    await expect(withRedis(plain, undefined, ping)).rejects.toThrow();
    await expect(withRedis(urlFor('api'), caFile, ping)).resolves.toBe('PONG');
  });

  test.each<[string, (redis: Redis) => Promise<unknown>]>([
    ['write to the revocations', (redis) => redis.xadd('capstone:revocations', '*', 'a', 'b')],
    ['touch the keys of others', (redis) => redis.set('other', '1')],
    ['list keys', (redis) => redis.keys('*')],
    ['scan keys', (redis) => redis.scan(0)],
    ['flush', (redis) => redis.flushall()],
    ['read the configuration', (redis) => redis.config('GET', '*')],
    ['list the users', (redis) => redis.acl('LIST')],
  ])('does not let the api %s', async (_, work) => {
    await expect(onRedis('queue', 'api', work)).rejects.toThrow(/NOPERM/);
  });

  test('lets the api read the revocations that auth writes', async () => {
    await onRedis('queue', 'auth', (redis) => redis.xadd('capstone:revocations', '*', 'a', 'b'));

    const entries = await onRedis('queue', 'api', (redis) =>
      redis.xrange('capstone:revocations', '-', '+'),
    );
    expect(entries).toHaveLength(1);
  });

  test('evicts from the cache, never from the queue, and persists the queue only', async () => {
    const settings = ['maxmemory-policy', 'appendonly'];
    const read = (instance: 'queue' | 'cache') =>
      onRedis(instance, 'admin', (redis) => redis.call('CONFIG', 'GET', ...settings));

    expect(JSON.stringify(await read('queue'))).toMatch(/noeviction.*yes|yes.*noeviction/);
    expect(JSON.stringify(await read('cache'))).toMatch(/allkeys-lru.*no|no.*allkeys-lru/);
  });

  test('lets BullMQ do everything that a queue needs, as api and as worker', async () => {
    await onRedis('queue', 'admin', (redis) => redis.acl('LOG', 'RESET'));

    await exerciseQueue(infra.redis.queue);

    expect(await onRedis('queue', 'admin', (redis) => redis.acl('LOG'))).toEqual([]);
  });
});

describe('several users of one profile', () => {
  test('share the servers, and the last one to leave stops them', async () => {
    const other = new Scratch();
    const options = { profile: 'test', root: other.root } as const;

    const [first, second] = await Promise.all([startInfra(options), startInfra(options)]);
    expect(second.postgres.port).toBe(first.postgres.port);

    await first.stop();
    expect(await isListening(second.postgres.port)).toBe(true);
    await second.stop();
    expect(await isListening(second.postgres.port)).toBe(false);
    expect(other.processes()).toEqual([]);
    other.remove();
  });

  test('find the data of the last time again, and none after a reset', async () => {
    const other = new Scratch();
    const options = { profile: 'test', root: other.root } as const;

    const first = await startInfra(options);
    await query(first, 'admin', 'app', 'create table public.kept ()');
    await first.stop();

    const second = await startInfra(options);
    await expect(query(second, 'admin', 'app', 'table public.kept')).resolves.toBeDefined();
    await second.stop();

    const third = await startInfra({ ...options, reset: true });
    await expect(query(third, 'admin', 'app', 'table public.kept')).rejects.toThrow(/not exist/);
    await third.stop();
    other.remove();
  });
});
