import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from '@capstone/platform/log';
import { Lease, LeaseLost } from './lease.js';

const logger = createLogger({ service: 'test', level: 'silent' });

describe('a lease', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('is renewed three times in its length, until it ends', async () => {
    const renew = vi.fn(async () => true);
    const lease = new Lease({ leaseMs: 900, renew, logger });

    await vi.advanceTimersByTimeAsync(900);
    expect(renew).toHaveBeenCalledTimes(3);
    lease.end();
    await vi.advanceTimersByTimeAsync(9_000);

    expect(renew).toHaveBeenCalledTimes(3);
    expect(lease.signal.aborted).toBe(false);
  });

  test('aborts as soon as it is refused', async () => {
    const lease = new Lease({ leaseMs: 900, renew: async () => false, logger });

    await vi.advanceTimersByTimeAsync(300);

    expect(lease.signal.reason).toBeInstanceOf(LeaseLost);
  });

  test('survives a failure, and aborts when failures last as long as it does', async () => {
    let broken = false;
    const renew = async () => {
      if (broken) throw new Error('no database');
      return true;
    };
    const lease = new Lease({ leaseMs: 900, renew, logger });

    broken = true;
    await vi.advanceTimersByTimeAsync(600);
    expect(lease.signal.aborted).toBe(false);
    broken = false;
    await vi.advanceTimersByTimeAsync(600);
    expect(lease.signal.aborted).toBe(false);
    broken = true;
    await vi.advanceTimersByTimeAsync(1_200);
    expect(lease.signal.reason).toBeInstanceOf(LeaseLost);
  });
});
