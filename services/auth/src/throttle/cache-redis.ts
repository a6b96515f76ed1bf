import type { connectRedis } from '@capstone/platform/redis';

/** The Redis that may forget: counters of wrong attempts. */
export const CACHE_REDIS = Symbol('CACHE_REDIS');
export type CacheRedis = ReturnType<typeof connectRedis>;
