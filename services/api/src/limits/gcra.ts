import type { Allowed } from '../config.js';

export interface Taken {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Until the whole allowance is there again. */
  readonly resetMs: number;
  /** Until the next request is allowed; 0 when this one was. */
  readonly waitMs: number;
}

/**
 * GCRA, the leaky bucket that stores one number: the theoretical arrival time of the next request if all came evenly. As
 * a script so that reading and writing are one step, by the server's clock so that all instances share one.
 */
export const gcraScript = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval = tonumber(ARGV[1])
local burst = tonumber(ARGV[2])
local arrival = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0')) + interval
local room = interval * burst - (arrival - now)
if room < 0 then
  return {0, 0, math.ceil((arrival - interval - now) / 1000), math.ceil(-room / 1000)}
end
local reset = math.ceil((arrival - now) / 1000)
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', reset)
return {1, math.floor(room / interval), reset, 0}
`;

/** Microseconds between requests that come evenly. */
export function intervalMicros({ requests, seconds }: Allowed): number {
  return Math.max(1, Math.round((seconds * 1_000_000) / requests));
}

/** The same in this process, for when Redis is away. Returns the new arrival time with the outcome. */
export function gcra(
  arrivalMs: number | undefined,
  nowMs: number,
  { requests, seconds }: Allowed,
): { taken: Taken; arrivalMs: number } {
  const intervalMs = (seconds * 1_000) / requests;
  const before = Math.max(nowMs, arrivalMs ?? 0);
  const after = before + intervalMs;
  const roomMs = intervalMs * requests - (after - nowMs);
  // Floating point: a full bucket may miss its last request by a hair.
  if (roomMs < -1e-6) {
    const taken = {
      allowed: false,
      remaining: 0,
      resetMs: Math.ceil(before - nowMs),
      waitMs: Math.ceil(-roomMs),
    };
    return { taken, arrivalMs: before };
  }
  const remaining = Math.floor(roomMs / intervalMs + 1e-6);
  const taken = { allowed: true, remaining, resetMs: Math.ceil(after - nowMs), waitMs: 0 };
  return { taken, arrivalMs: after };
}
