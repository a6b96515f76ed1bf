import { expect, test } from 'vitest';
import { measurementOf, type K6Metrics } from './measurement.js';
import type { K6Job } from './plan.js';

const job: K6Job = {
  journey: 'uploads',
  apiUrl: 'http://localhost:8080/api/v1',
  tokensUrl: 'http://127.0.0.1:1/',
  runId: 'load-1',
  phases: [
    { name: 'ramp', seconds: 2, fromRate: 0, toRate: 10 },
    { name: 'hold', seconds: 4, fromRate: 10, toRate: 10 },
  ],
  measured: ['hold'],
  windowSeconds: 3,
  virtualUsers: 10,
  timeoutSeconds: 10,
  taskIdsFile: '',
  documentIdsFile: '',
  workspaces: [],
  accounts: [],
  summaryFile: '',
};
const trend = { count: 38, min: 1, avg: 2, 'p(50)': 2, 'p(95)': 4, 'p(99)': 5, max: 6 };
const metrics: K6Metrics = {
  'started{phase:hold}': { values: { count: 40 } },
  'latency{phase:hold}': { values: trend },
  'latency{phase:hold,route:POST /documents}': { values: trend },
  'faults{phase:hold}': { values: { count: 2 } },
  'faults{phase:hold,reason:shed}': { values: { count: 2 } },
  'faults{phase:hold,reason:server}': { values: { count: 0 } },
  'latency{window:1}': { values: trend },
  dropped_iterations: { values: { count: 3 } },
  vus: { values: { value: 1, min: 0, max: 7 } },
  vus_max: { values: { value: 10, min: 10, max: 10 } },
};

test('reads phases, routes, windows and faults off the summary of k6', () => {
  const measurement = measurementOf(job, metrics);

  expect(measurement.phases[1]).toEqual({
    name: 'hold',
    startSecond: 2,
    seconds: 4,
    scheduled: 40,
    started: 40,
    answered: 38,
    faults: 2,
    latency: { count: 38, min: 1, mean: 2, p50: 2, p95: 4, p99: 5, max: 6 },
    reasons: { shed: 2 },
  });
  expect(measurement.routes).toMatchObject([
    { phase: 'hold', route: 'POST /documents', answered: 38 },
  ]);
  expect(measurement.windows.map(({ startSecond, answered }) => [startSecond, answered])).toEqual([
    [0, 0],
    [3, 38],
  ]);
  expect(measurement.dropped).toBe(3);
  expect(measurement.virtualUsers).toEqual({ most: 7, allocated: 10 });
});

test('a group without samples has no latency rather than one of 0 ms', () => {
  expect(measurementOf(job, metrics).phases[0]!.latency).toBeUndefined();
});
