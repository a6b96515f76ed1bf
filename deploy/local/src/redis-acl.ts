import { createHash } from 'node:crypto';
import type { ServiceName } from './certificates.js';

export type RedisInstanceName = 'queue' | 'cache';
export type RedisUser = ServiceName | 'admin';
export const redisUsers = ['auth', 'api', 'worker', 'admin'] as const;

// What ioredis sends on every connection: `info` is its ready check, `script` is how it replays Lua in pipelines.
// `time` is the clock of our rate limits.
const connection = [
  '+@connection',
  '+info',
  '+time',
  '+eval',
  '+evalsha',
  '+script|load',
  '+script|exists',
];
const data = [
  '+@string',
  '+@hash',
  '+@list',
  '+@set',
  '+@sortedset',
  '+@keyspace',
  '+@transaction',
];
// Last, so that it wins: nothing that administers the server, and nothing that names keys outside the patterns.
const never = ['-@admin', '-@dangerous', '-scan', '-randomkey', '-dbsize', '-select', '+info'];

const commands: Record<RedisInstanceName, string[]> = {
  // BullMQ 6.7: its Lua scripts use the data types above, its workers block on lists, sorted sets and streams.
  queue: [...connection, ...data, '+@stream', '+@blocking', '+@pubsub', ...never],
  cache: [...connection, ...data, ...never],
};

// Every key begins with REDIS_KEY_PREFIX, which begins with `capstone` (tests add a random part to it).
const keys: Record<RedisInstanceName, Record<ServiceName, string[]>> = {
  queue: {
    auth: [
      '~capstone*:bull:*',
      '~capstone*:revocations',
      '~capstone*:events:*',
      '&capstone*:events',
    ],
    api: [
      '~capstone*:bull:*',
      '%R~capstone*:revocations',
      '~capstone*:events:*',
      '&capstone*:events',
    ],
    worker: ['~capstone*:bull:*', '~capstone*:events:*', '&capstone*:events'],
  },
  cache: {
    auth: ['~capstone*:limits:*', '~capstone*:cache:*'],
    api: ['~capstone*:limits:*', '~capstone*:cache:*'],
    worker: ['~capstone*:limits:*', '~capstone*:cache:*'],
  },
};

/** The rules of one user, as `ACL SETUSER` and an ACL file take them; the password appears as its hash. */
export function aclRules(instance: RedisInstanceName, user: RedisUser, password: string): string[] {
  const hash = createHash('sha256').update(password).digest('hex');
  const login = ['on', `#${hash}`];
  if (user === 'admin') return [...login, '~*', '&*', '+@all'];
  return [...login, 'resetchannels', ...keys[instance][user], '-@all', ...commands[instance]];
}

/** The ACL file of one instance: the default user is off, each service is one user. */
export function aclFile(instance: RedisInstanceName, passwords: Record<RedisUser, string>): string {
  const lines = redisUsers.map(
    (user) => `user ${user} ${aclRules(instance, user, passwords[user]).join(' ')}`,
  );
  return ['user default off', ...lines, ''].join('\n');
}
