import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { problems } from './problems.js';

const entries = Object.entries(problems);

test.each(entries)(
  '%s has a status of the 4xx or 5xx range and a gRPC status that exists',
  (_code, spec) => {
    expect(spec.status).toBeGreaterThanOrEqual(400);
    expect(spec.status).toBeLessThan(600);
    expect(Object.keys(status)).toContain(spec.grpc);
  },
);

test('only faults that may pass by themselves are retryable', () => {
  const retryable = entries.filter(([, spec]) => spec.retryable).map(([, spec]) => spec.status);

  expect(new Set(retryable)).toEqual(new Set([408, 409, 429, 503, 504]));
});
