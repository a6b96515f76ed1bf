import {
  faultReasons,
  journeyRoutes,
  scheduledIterations,
  totalSeconds,
  type FaultReason,
  type K6Job,
} from './plan.js';

/** Milliseconds. */
export interface Latency {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface Outcome {
  /** Answers that were as expected. */
  readonly answered: number;
  readonly faults: number;
  /** Of the expected answers; undefined where there was none. */
  readonly latency: Latency | undefined;
}

export interface PhaseFigures extends Outcome {
  readonly name: string;
  readonly startSecond: number;
  readonly seconds: number;
  readonly scheduled: number;
  readonly started: number;
  readonly reasons: Readonly<Partial<Record<FaultReason, number>>>;
}

export interface RouteFigures extends Outcome {
  readonly phase: string;
  readonly route: string;
}

export interface WindowFigures extends Outcome {
  readonly startSecond: number;
}

/** What one k6 process saw. */
export interface Measurement {
  readonly phases: readonly PhaseFigures[];
  readonly routes: readonly RouteFigures[];
  readonly windowSeconds: number;
  readonly windows: readonly WindowFigures[];
  readonly dropped: number;
  readonly virtualUsers: { readonly most: number; readonly allocated: number };
  /** Waiting for a connection, all requests, in milliseconds; part of `latency` too. */
  readonly blocked: Latency | undefined;
}

/** The metrics of k6's handleSummary. */
export type K6Metrics = Readonly<
  Record<string, { readonly values: Readonly<Record<string, number>> }>
>;

/** Percentiles are k6's own, exact over all samples of the group; none is averaged from others. */
export function measurementOf(job: K6Job, metrics: K6Metrics): Measurement {
  let startSecond = 0;
  const phases = job.phases.map((phase) => {
    const group = `phase:${phase.name}`;
    const figures = {
      name: phase.name,
      startSecond,
      seconds: phase.seconds,
      scheduled: Math.round(scheduledIterations(phase)),
      started: countOf(metrics, `started{${group}}`),
      ...outcomeOf(metrics, group),
      reasons: reasonsOf(metrics, group),
    };
    startSecond += phase.seconds;
    return figures;
  });
  return {
    phases,
    routes: job.measured.flatMap((phase) =>
      journeyRoutes[job.journey].map((route) => ({
        phase,
        route,
        ...outcomeOf(metrics, `phase:${phase},route:${route}`),
      })),
    ),
    windowSeconds: job.windowSeconds,
    windows: windowsOf(job, metrics),
    dropped: countOf(metrics, 'dropped_iterations'),
    virtualUsers: {
      most: metrics['vus']?.values['max'] ?? 0,
      allocated: metrics['vus_max']?.values['max'] ?? job.virtualUsers,
    },
    blocked: latencyOf(metrics, 'http_req_blocked'),
  };
}

function windowsOf(job: K6Job, metrics: K6Metrics): WindowFigures[] {
  const count = Math.ceil(totalSeconds(job.phases) / job.windowSeconds);
  return Array.from({ length: count }, (_, index) => ({
    startSecond: index * job.windowSeconds,
    ...outcomeOf(metrics, `window:${index}`),
  }));
}

function outcomeOf(metrics: K6Metrics, group: string): Outcome {
  const latency = latencyOf(metrics, `latency{${group}}`);
  return {
    answered: latency?.count ?? 0,
    faults: countOf(metrics, `faults{${group}}`),
    latency,
  };
}

function reasonsOf(metrics: K6Metrics, group: string): PhaseFigures['reasons'] {
  const counts = faultReasons.map(
    (reason) => [reason, countOf(metrics, `faults{${group},reason:${reason}}`)] as const,
  );
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

function countOf(metrics: K6Metrics, name: string): number {
  return metrics[name]?.values['count'] ?? 0;
}

function latencyOf(metrics: K6Metrics, name: string): Latency | undefined {
  const values = metrics[name]?.values;
  if (!values || !values['count']) return undefined;
  const value = (key: string) => values[key] ?? 0;
  return {
    count: value('count'),
    min: value('min'),
    mean: value('avg'),
    p50: value('p(50)'),
    p95: value('p(95)'),
    p99: value('p(99)'),
    max: value('max'),
  };
}
