import { counter, gauge, histogram } from '@capstone/platform/metric-registry';

/** What this service counts besides what the platform does for all. */
export const eventStreams = gauge({
  name: 'api_event_streams',
  help: 'Open streams of GET /events.',
});

export const tokenLookups = counter({
  name: 'api_token_cache_lookups_total',
  help: 'Access tokens looked up among those verified before, by outcome: hit or miss.',
  labels: ['outcome'],
  combinations: 2,
});

export const tokenCacheEntries = gauge({
  name: 'api_token_cache_entries',
  help: 'Verified access tokens that are remembered now.',
});

export const tokensVerified = counter({
  name: 'api_tokens_verified_total',
  help: 'Signature checks of access tokens, by outcome. A token that was seen before needs none.',
  labels: ['outcome'],
  combinations: 2,
});

export const revocationFeedAge = gauge({
  name: 'api_revocation_feed_age_seconds',
  help: 'Time since the revocation feed last said that it is complete. Writes stop at 10, everything at 30.',
});

export const revocationsKnown = gauge({
  name: 'api_revocations_known',
  help: 'Revoked sessions and keys that a token could still name.',
});

export const requestsLimited = counter({
  name: 'api_requests_limited_total',
  help: 'Requests refused with 429, by the allowance that was used up.',
  labels: ['allowance'],
  combinations: 8,
});

export const limitsCountedLocally = counter({
  name: 'api_limits_counted_locally_total',
  help: 'Requests whose allowance was counted in this process alone, because Redis was away.',
});

export const searchDuration = histogram({
  name: 'api_search_duration_seconds',
  help: 'Time a search took, its query embedded and its hits read, by mode.',
  labels: ['mode', 'degraded'],
  combinations: 6,
  buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  exemplars: true,
});

export const askDuration = histogram({
  name: 'api_ask_duration_seconds',
  help: 'Time an answer took to its last word, by outcome: answered, refused, repeated from the store, failed or aborted by the client.',
  labels: ['provider', 'outcome'],
  combinations: 5,
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  exemplars: true,
});

export const askCitationsDropped = counter({
  name: 'api_ask_citations_dropped_total',
  help: 'Claims of a generator that were not passed on, by reason: of a source that was not retrieved, or of words that are not in it.',
  labels: ['reason'],
  combinations: 2,
});

export const askTokens = counter({
  name: 'api_ask_tokens_total',
  help: 'Tokens paid for, by direction: input or output.',
  labels: ['direction'],
  combinations: 2,
});
