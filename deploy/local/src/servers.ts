import type { DatabaseServer } from './postgres-roles.js';
import type { RedisInstanceName, RedisUser } from './redis-acl.js';

export type Source = 'native' | 'docker' | 'external';

export interface RedisAddress {
  caFile: string | undefined;
  urlFor: (user: RedisUser) => string;
}

/** One way to have a Postgres and two Redis: programs of this machine, containers, or servers that exist already. */
export interface Servers {
  source: Source;
  /** Completes the sentence "Postgres and Redis from …". */
  origin: string;
  database: DatabaseServer;
  redis: Record<RedisInstanceName, RedisAddress>;
  /** Whether at least one of them runs already. */
  anyRunning(): Promise<boolean>;
  /** Starts those that do not run; on failure none that it started stays behind. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Removes the data of servers that are stopped; servers of somebody else keep theirs. */
  erase(): Promise<void>;
}
