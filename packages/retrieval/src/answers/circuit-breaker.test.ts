import { expect, test } from 'vitest';
import { CircuitBreaker } from './circuit-breaker.js';

test('a breaker opens after so many failures in a row, lets one try, and closes on success', () => {
  let now = 0;
  const breaker = new CircuitBreaker({ failures: 2, pauseMs: 100, now: () => now });

  breaker.failure();
  breaker.succeeded();
  breaker.failure();
  expect(breaker.enter()).toBe(0);
  breaker.failure();
  expect(breaker.enter()).toBe(100);

  now = 100;
  expect(breaker.enter()).toBe(0);
  expect(breaker.enter()).toBe(100);
  breaker.failure();
  now = 199;
  expect(breaker.enter()).toBe(1);

  now = 200;
  expect(breaker.enter()).toBe(0);
  breaker.succeeded();
  expect(breaker.enter()).toBe(0);
});
