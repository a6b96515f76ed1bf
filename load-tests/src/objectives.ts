import type { Latency, Measurement, Outcome, PhaseFigures } from './measurement.js';

export interface Objective {
  readonly name: string;
  readonly measured: number | undefined;
  readonly unit: string;
  readonly limit: { readonly atMost: number } | { readonly atLeast: number };
  /** What we would like to see, where that is more than what must be. */
  readonly aim?: number;
}

export function isMet({ measured, limit }: Objective): boolean {
  if (measured === undefined) return false;
  return 'atMost' in limit ? measured <= limit.atMost : measured >= limit.atLeast;
}

export const maxP95Ms = 100;
const maxP99Ms = 250;
export const maxErrorShare = 0.001;
const maxResidentMiB = 300;
const maxRecoverySeconds = 30;
const calmSeconds = 10;

/** p95, p99 and errors of one phase: what every profile of steady load is held to. */
export function latencyObjectives(
  { latency, answered, faults }: Outcome,
  limits: { p95?: number; p99?: number; errors?: number } = {},
): Objective[] {
  return [
    atMost('p95', latency?.p95, 'ms', limits.p95 ?? maxP95Ms),
    atMost('p99', latency?.p99, 'ms', limits.p99 ?? maxP99Ms),
    atMost(
      'errors',
      errorShare({ answered, faults }) * 100,
      '%',
      (limits.errors ?? maxErrorShare) * 100,
    ),
  ];
}

export function rateObjective(phase: PhaseFigures, wanted: number): Objective {
  return {
    name: 'requests answered a second',
    measured: phase.answered / phase.seconds,
    unit: '/s',
    limit: { atLeast: wanted * 0.99 },
  };
}

/** The largest of the three services; undefined where no process could be seen. */
export function memoryObjective(residentMiB: number | undefined): Objective {
  return {
    ...atMost('memory of the largest service', residentMiB, 'MiB', maxResidentMiB),
    aim: 200,
  };
}

/**
 * Overload is judged by what still gets done, and by how soon it is over. Shedding (429, 503) is what it should do;
 * any other fault is one.
 */
export function overloadObjectives(
  measurement: Measurement,
  capacity: number | undefined,
): Objective[] {
  const overload = phaseOf(measurement, 'overload');
  const goodput = overload.answered / overload.seconds;
  const shed = (overload.reasons.shed ?? 0) + (overload.reasons['rate-limited'] ?? 0);
  const broken = (overload.faults - shed) / Math.max(1, overload.started);
  const share: Objective[] =
    capacity === undefined
      ? []
      : [
          {
            name: 'done under overload, of the capacity',
            measured: (goodput / capacity) * 100,
            unit: '%',
            limit: { atLeast: 80 },
            aim: 95,
          },
        ];
  return [
    ...share,
    atMost(
      'back within the objective after',
      recoverySeconds(measurement),
      's',
      maxRecoverySeconds,
    ),
    atMost('errors other than shedding', broken * 100, '%', 1),
  ];
}

/** Seconds from the end of the overload to the first moment from which ten seconds are within the objective. */
export function recoverySeconds(measurement: Measurement): number | undefined {
  const { startSecond } = phaseOf(measurement, 'after');
  const after = measurement.windows.filter((window) => window.startSecond >= startSecond);
  const stretch = Math.ceil(calmSeconds / measurement.windowSeconds);
  const first = after.find((_, index) => {
    const following = after.slice(index, index + stretch);
    return following.length === stretch && following.every(isHealthy);
  });
  return first === undefined ? undefined : first.startSecond - startSecond;
}

/** Growth and drift over a long run: the last quarter against the first. */
export function driftObjectives(
  measurement: Measurement,
  residentSlopePercentPerHour: number | undefined,
): Objective[] {
  const first = phaseOf(measurement, 'first').latency?.p99;
  const last = phaseOf(measurement, 'last').latency?.p99;
  const drift = first === undefined || last === undefined ? undefined : (last / first - 1) * 100;
  return [
    atMost('growth of memory an hour', residentSlopePercentPerHour, '%', 1),
    atMost('p99 of the last quarter over the first', drift, '%', 10),
  ];
}

export function phaseOf({ phases }: Measurement, name: string): PhaseFigures {
  const phase = phases.find((candidate) => candidate.name === name);
  if (!phase) throw new Error(`the run has no phase ${name}`);
  return phase;
}

export function errorShare({ answered, faults }: Pick<Outcome, 'answered' | 'faults'>): number {
  return faults / Math.max(1, answered + faults);
}

export function atMost(
  name: string,
  measured: number | undefined,
  unit: string,
  limit: number,
): Objective {
  return { name, measured, unit, limit: { atMost: limit } };
}

function isHealthy(window: Outcome & { latency: Latency | undefined }): boolean {
  return (
    window.latency !== undefined &&
    window.latency.p95 <= maxP95Ms &&
    errorShare(window) <= 10 * maxErrorShare
  );
}
