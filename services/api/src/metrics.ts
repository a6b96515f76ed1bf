import { registry } from '@capstone/platform/metrics';
import { Counter, Gauge } from 'prom-client';

/** What this service counts besides what the platform does for all. */
export const eventStreams = new Gauge({
  name: 'api_event_streams',
  help: 'Open streams of GET /events.',
  registers: [registry],
});

export const tokensVerified = new Counter({
  name: 'api_tokens_verified_total',
  help: 'Signature checks of access tokens, by outcome. A token that was seen before needs none.',
  labelNames: ['outcome'],
  registers: [registry],
});

export const requestsLimited = new Counter({
  name: 'api_requests_limited_total',
  help: 'Requests refused with 429, by the allowance that was used up.',
  labelNames: ['allowance'],
  registers: [registry],
});
