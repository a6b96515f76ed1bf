import type { connectRedis } from '@capstone/platform/redis';

/** The Redis that must not forget. auth writes the revocation stream there; jobs have a connection of their own. */
export const QUEUE_REDIS = Symbol('QUEUE_REDIS');
export type QueueRedis = ReturnType<typeof connectRedis>;
