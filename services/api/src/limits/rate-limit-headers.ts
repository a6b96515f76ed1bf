import type { Allowed } from '../config.js';
import type { Taken } from './gcra.js';

/** draft-ietf-httpapi-ratelimit-headers-09, section 3: the quota and the window in seconds. */
export function policyHeader(name: string, { requests, seconds }: Allowed): string {
  return `"${name}";q=${requests};w=${seconds}`;
}

/** Section 4: what remains, and the seconds until the whole quota is there again. */
export function limitHeader(name: string, { remaining, resetMs }: Taken): string {
  return `"${name}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`;
}
