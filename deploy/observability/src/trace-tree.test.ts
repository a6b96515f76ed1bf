import { expect, test } from 'vitest';
import { traceTree } from './trace-tree.js';

const span = { traceId: 't', kind: 'server', failed: false, attributes: {} };

test('shows each span under its parent, in the order of their start, whoever made them', () => {
  const tree = traceTree([
    {
      ...span,
      spanId: 'b',
      parentSpanId: 'a',
      service: 'auth',
      name: 'Login',
      startMs: 1_002,
      durationMs: 50,
    },
    {
      ...span,
      spanId: 'a',
      parentSpanId: 'x',
      service: 'api',
      name: 'POST /login',
      startMs: 1_000,
      durationMs: 60,
    },
    {
      ...span,
      spanId: 'c',
      parentSpanId: 'b',
      service: 'auth',
      name: 'user_by_email',
      startMs: 1_003,
      durationMs: 1.25,
      failed: true,
      attributes: { 'error.type': 'overloaded' },
    },
  ]);

  expect(tree.split('\n').map((line) => line.trim().replaceAll(/ {3,}/g, '  '))).toEqual([
    '0.0 ms  60.0 ms  api  POST /login',
    '2.0 ms  50.0 ms  auth  Login',
    '3.0 ms  1.3 ms  auth  user_by_email  FAILED overloaded',
  ]);
});
