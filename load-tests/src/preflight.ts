import { raiseLimits, type ApiClient } from './api-client.js';
import { OperatorError } from './operator-error.js';

/** Requests a second that one caller may keep up, by each policy the target announces. */
export function policyRates(header: string | null): number[] {
  return [...(header ?? '').matchAll(/q=(\d+)(?:[^,]*?);w=(\d+)/g)].map(
    ([, quota, seconds]) => Number(quota) / Number(seconds),
  );
}

/**
 * Better told now than after five minutes: throws OperatorError where the announced rate limit of a caller is below what
 * one session will ask for.
 */
export async function assertLimitsAllow(
  api: ApiClient,
  token: string,
  ratePerSession: number,
): Promise<void> {
  const { headers } = await api.need([200], 'GET', '/tasks?limit=1', { token });
  const lowest = Math.min(...policyRates(headers.get('ratelimit-policy')));
  if (lowest < ratePerSession) {
    throw new OperatorError(
      `The target allows a caller ${lowest.toFixed(1)} requests a second and this run needs ${ratePerSession.toFixed(1)}: ${raiseLimits}.`,
    );
  }
}
