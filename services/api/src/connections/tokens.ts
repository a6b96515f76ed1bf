/** Redis that may forget: rate limits and caches. */
export const CACHE_REDIS = Symbol('CACHE_REDIS');

/** Redis that must not: jobs, revocations, event streams. */
export const QUEUE_REDIS = Symbol('QUEUE_REDIS');
