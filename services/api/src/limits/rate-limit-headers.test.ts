import { expect, test } from 'vitest';
import { limitHeader, policyHeader } from './rate-limit-headers.js';

test('the policy and what is left of it are structured fields', () => {
  expect(policyHeader('sign-in', { requests: 20, seconds: 60 })).toBe('"sign-in";q=20;w=60');
  expect(limitHeader('sign-in', { allowed: true, remaining: 7, resetMs: 30_001, waitMs: 0 })).toBe(
    '"sign-in";r=7;t=31',
  );
});
