import type { Redis, Result } from 'ioredis';
import { refusingOf } from './attempts.js';
import type { AttemptCounters, Buckets } from './attempts.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    beginAttempt(keys: number, ...keysAndRules: (string | number)[]): Result<number, Context>;
    forgiveAttempt(keys: number, ...keysAndForgotten: (string | number)[]): Result<null, Context>;
  }
}

/**
 * KEYS[1]: the account, which is only counted. The others may refuse.
 * ARGV: the account's pressure and window in ms; then for each of the others: limit, limit under pressure, window, first
 * and longest delay in ms.
 * Returns the milliseconds to wait; 0 when the attempt was counted. By the server's clock, so that all processes share one.
 */
const beginScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
for i = 2, #KEYS do
  wait = math.max(wait, tonumber(redis.call('HGET', KEYS[i], 'open') or '0') - now)
end
if wait > 0 then return math.ceil(wait) end

local function count(key, window)
  local n = redis.call('HINCRBY', key, 'n', 1)
  local left = redis.call('PTTL', key)
  if left >= 0 then return n, left end
  redis.call('PEXPIRE', key, window)
  return n, window
end

local pressed = count(KEYS[1], ARGV[2]) > tonumber(ARGV[1])
for i = 2, #KEYS do
  local at = 3 + (i - 2) * 5
  local limit = tonumber(ARGV[pressed and at + 1 or at])
  local window, first, longest = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local n, delay = count(KEYS[i], window)
  if n >= limit then
    if first > 0 then
      delay = math.min(longest, first * 2 ^ math.min(n - limit, 20))
      redis.call('PEXPIRE', KEYS[i], math.floor(delay + window))
    end
    redis.call('HSET', KEYS[i], 'open', string.format('%.0f', now + delay))
  end
end
return 0
`;

/** KEYS: buckets that get one failure back. ARGV[1]: how many of them, from the first on, are forgotten altogether. */
const forgiveScript = `
for i, key in ipairs(KEYS) do
  if i <= tonumber(ARGV[1]) then
    redis.call('DEL', key)
  elseif redis.call('EXISTS', key) == 1 then
    redis.call('HDEL', key, 'open')
    if redis.call('HINCRBY', key, 'n', -1) <= 0 then redis.call('DEL', key) end
  end
end
`;

/** For all processes together. Rejects when Redis does not answer. */
export class RedisAttempts implements AttemptCounters {
  constructor(private readonly redis: Redis) {
    redis.defineCommand('beginAttempt', { lua: beginScript });
    redis.defineCommand('forgiveAttempt', { lua: forgiveScript });
  }

  async begin(buckets: Buckets): Promise<number> {
    const { account } = buckets;
    const refusing = refusingOf(buckets);
    const keys = [account.key, ...refusing.map(({ key }) => key)];
    const rules = refusing.flatMap(({ rule }) => [
      rule.limit,
      rule.limitUnderPressure,
      rule.windowMs,
      rule.firstDelayMs,
      rule.longestDelayMs,
    ]);
    return this.redis.beginAttempt(
      keys.length,
      ...keys,
      account.pressure,
      account.windowMs,
      ...rules,
    );
  }

  async succeed(buckets: Buckets): Promise<void> {
    await this.forgive(buckets, 1);
  }

  async withdraw(buckets: Buckets): Promise<void> {
    await this.forgive(buckets, 0);
  }

  private async forgive({ account, own, source }: Buckets, forgotten: number): Promise<void> {
    const keys = [own.key, account.key, ...(source ? [source.key] : [])];
    await this.redis.forgiveAttempt(keys.length, ...keys, forgotten);
  }
}
