import type { Latency, Measurement, PhaseFigures, WindowFigures } from '../src/measurement.js';
import type { Result } from '../src/result.js';

/** A healthy phase, for tests to change in the one place that matters to them. */
export function examplePhase(overrides: Partial<PhaseFigures> = {}): PhaseFigures {
  return {
    name: 'hold',
    startSecond: 0,
    seconds: 10,
    scheduled: 10_000,
    started: 10_000,
    answered: 10_000,
    faults: 0,
    latency: exampleLatency(),
    reasons: {},
    ...overrides,
  };
}

export function exampleLatency(overrides: Partial<Latency> = {}): Latency {
  return { count: 10_000, min: 1, mean: 4, p50: 3, p95: 12, p99: 30, max: 80, ...overrides };
}

export function exampleWindow(startSecond: number, p95 = 12, faults = 0): WindowFigures {
  return { startSecond, answered: 1_000, faults, latency: exampleLatency({ count: 1_000, p95 }) };
}

export function exampleMeasurement(overrides: Partial<Measurement> = {}): Measurement {
  return {
    phases: [examplePhase()],
    routes: [
      {
        phase: 'hold',
        route: 'GET /tasks/{id}',
        answered: 10_000,
        faults: 0,
        latency: exampleLatency(),
      },
    ],
    windowSeconds: 5,
    windows: [exampleWindow(0), exampleWindow(5)],
    dropped: 0,
    virtualUsers: { most: 12, allocated: 300 },
    blocked: exampleLatency(),
    ...overrides,
  };
}

export function exampleResult(overrides: Partial<Result> = {}): Result {
  return {
    schema: 1,
    profile: 'milestone',
    purpose: 'The milestone',
    startedAt: '2026-11-21T14:05:09.000Z',
    verdict: 'pass',
    shape: { rate: 1000, seconds: 10, rampSeconds: 0 },
    data: { workspaces: 10, tasks: 100_000, chunks: 20_000, sessions: 20 },
    environment: {
      cpu: 'A processor',
      cores: 2,
      memoryGiB: 16,
      kernel: 'Linux 6.1',
      node: 'v24.21.0',
      k6: '2.2.0 (PATH)',
      postgres: '15.20',
      redis: '7.0.15',
      commit: '9fb60d8',
      dirty: false,
      target: 'http://localhost:8080',
      builds: { api: '0.1.0' },
      replicas: 'api 1',
      generator: 'same machine as the system',
    },
    objectives: [{ name: 'p95', measured: 12, unit: 'ms', limit: { atMost: 100 }, aim: 25 }],
    validity: [{ rule: 'iterations dropped', measured: '0 %', limit: 'at most 0.1 %', ok: true }],
    notes: [],
    run: {
      phases: [{ name: 'hold', seconds: 10, fromRate: 1000, toRate: 1000 }],
      measurement: exampleMeasurement(),
      use: {
        seconds: 10,
        groups: [
          { group: 'api', cores: 0.5, cpuSeconds: 5, residentMiB: { last: 120, most: 130 } },
        ],
        generatorCpuShare: 0.2,
        machineCpuShare: 0.6,
        stolenShare: 0,
        otherCores: 0.05,
        eventLoopDelayP99Ms: { api: 12 },
        largestServiceMiB: 130,
        residentSlopePercentPerHour: 0.1,
        series: [{ second: 2, cores: { api: 0.5 }, residentMiB: { api: 120 } }],
      },
      complaints: [],
    },
    ...overrides,
  };
}
