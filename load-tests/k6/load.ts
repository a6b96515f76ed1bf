import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import type { Options } from 'k6/options';
import { faultReasons, journeyRoutes, phaseAt, stagesOf, totalSeconds } from '../src/plan.ts';
import { job } from './job.ts';
import { logIn } from './logins.ts';
import { requestOfTheMix } from './mixed.ts';
import { searchOnce } from './search.ts';
import { uploadOnce } from './uploads.ts';

const journeys = {
  mixed: requestOfTheMix,
  search: searchOnce,
  logins: logIn,
  uploads: uploadOnce,
};

export const options: Options = {
  scenarios: {
    load: {
      executor: 'ramping-arrival-rate',
      exec: 'iteration',
      startRate: job.phases[0]!.fromRate,
      timeUnit: '1s',
      stages: stagesOf(job.phases),
      // All of them from the start: one that is made in mid-run steals time from the requests being measured.
      preAllocatedVUs: job.virtualUsers,
      maxVUs: job.virtualUsers,
      gracefulStop: `${job.timeoutSeconds}s`,
    },
  },
  discardResponseBodies: true,
  // Each tag is another time series to keep; `latency` and `faults` carry the ones that are read.
  systemTags: ['name'],
  summaryTrendStats: ['count', 'min', 'avg', 'p(50)', 'p(95)', 'p(99)', 'max'],
  thresholds: subMetrics(),
  noCookiesReset: true,
};

const started = new Counter('started');

export function iteration(): void {
  const elapsedSeconds = (Date.now() - exec.scenario.startTime) / 1000;
  started.add(1, { phase: phaseAt(job.phases, elapsedSeconds) });
  journeys[job.journey]();
}

export function handleSummary({ metrics }: { metrics: unknown }): Record<string, string> {
  return { [job.summaryFile]: JSON.stringify(metrics) };
}

/** k6 keeps figures of a tag only where a threshold names it; these pass always, the runner judges. */
function subMetrics(): Record<string, string[]> {
  const phases = job.phases.map(({ name }) => `phase:${name}`);
  const windows = Math.ceil((totalSeconds(job.phases) + job.timeoutSeconds) / job.windowSeconds);
  const groups = [
    ...phases,
    ...Array.from({ length: windows }, (_, index) => `window:${index}`),
    ...job.measured.flatMap((phase) =>
      journeyRoutes[job.journey].map((route) => `phase:${phase},route:${route}`),
    ),
  ];
  const reasons = phases.flatMap((phase) =>
    faultReasons.map((reason) => `${phase},reason:${reason}`),
  );
  return Object.fromEntries([
    ...phases.map((phase) => [`started{${phase}}`, ['count>=0']]),
    ...groups.map((group) => [`latency{${group}}`, ['max>=0']]),
    ...[...groups, ...reasons].map((group) => [`faults{${group}}`, ['count>=0']]),
  ]) as Record<string, string[]>;
}
