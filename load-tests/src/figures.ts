import type { Objective } from './objectives.js';
import type { Result } from './result.js';
import { sumOf } from './statistics.js';

/** What both reports show, as text already: rows under headings. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns with words; the others hold figures and are aligned right. */
  readonly words: readonly number[];
}

export function objectiveRows(objectives: readonly Objective[], isMet: (o: Objective) => boolean) {
  return objectives.map((objective) => [
    objective.name,
    quantity(objective.measured, objective.unit),
    limitText(objective),
    objective.aim === undefined ? '' : quantity(objective.aim, objective.unit),
    isMet(objective) ? 'met' : 'MISSED',
  ]);
}

export function routeTable({ run }: Result): Table {
  const several = new Set(run.measurement.routes.map(({ phase }) => phase)).size > 1;
  return {
    title: 'Latency by route, in milliseconds, of the answers that were as expected',
    head: ['route', 'p50', 'p95', 'p99', 'max', 'answers', 'faults'],
    words: [0],
    rows: run.measurement.routes.map(({ phase, route, latency, answered, faults }) => [
      several ? `${phase}: ${route}` : route,
      ...[latency?.p50, latency?.p95, latency?.p99, latency?.max].map(milliseconds),
      whole(answered),
      whole(faults),
    ]),
  };
}

export function phaseTable({ run }: Result): Table {
  return {
    title: 'Phases',
    head: [
      'phase',
      'seconds',
      'asked/s',
      'answered/s',
      'p50',
      'p95',
      'p99',
      'max',
      'faults',
      'which',
    ],
    words: [0, 9],
    rows: run.measurement.phases.map((phase) => [
      phase.name,
      whole(phase.seconds),
      whole(phase.scheduled / phase.seconds),
      whole(phase.answered / phase.seconds),
      ...[phase.latency?.p50, phase.latency?.p95, phase.latency?.p99, phase.latency?.max].map(
        milliseconds,
      ),
      whole(phase.faults),
      Object.entries(phase.reasons)
        .map(([reason, count]) => `${reason} ${count}`)
        .join(', '),
    ]),
  };
}

export function plateauTable({ capacity }: Result): Table | undefined {
  if (!capacity) return undefined;
  const plateaus = capacity.plateaus.toSorted((left, right) => left.rate - right.rate);
  return {
    title: 'Plateaus',
    head: ['asked/s', 'answered/s', 'p50', 'p95', 'p99', 'errors', 'held', 'because'],
    words: [6, 7],
    rows: plateaus.map((plateau) => [
      whole(plateau.rate),
      whole(plateau.answeredPerSecond),
      ...[plateau.p50, plateau.p95, plateau.p99].map(milliseconds),
      `${(plateau.errorShare * 100).toFixed(2)} %`,
      plateau.held ? 'yes' : 'no',
      plateau.reasons.join('; '),
    ]),
  };
}

/** What a request costs: the figure that carries over to another machine, where latency does not. */
export function costTable({ run }: Result): Table {
  const requests = sumOf(run.measurement.phases, ({ answered, faults }) => answered + faults);
  const { groups, eventLoopDelayP99Ms, otherCores } = run.use;
  return {
    title: 'Processor and memory of the whole run, its ramp included',
    head: ['process', 'cores', 'µs a request', 'MiB, last', 'MiB, most', 'event loop p99 ms'],
    words: [0],
    rows: [
      ...groups.map(({ group, cores, cpuSeconds, residentMiB }) => [
        group,
        cores.toFixed(2),
        requests === 0 ? '' : whole((cpuSeconds * 1e6) / requests),
        // Each Postgres process counts the shared memory as its own, so their sum means nothing.
        group === 'postgres' ? '' : whole(residentMiB.last),
        group === 'postgres' ? '' : whole(residentMiB.most),
        milliseconds(eventLoopDelayP99Ms[group]),
      ]),
      ...(otherCores === undefined
        ? []
        : [['everything else', otherCores.toFixed(2), '', '', '', '']]),
    ],
  };
}

export function drainTable({ drain }: Result): Table | undefined {
  if (!drain) return undefined;
  const { acceptedToReady: took } = drain;
  return {
    title: 'From accepted to ready',
    head: ['accepted', 'ready', 'failed', 'drained after', 'ready/s', 'p50 ms', 'p95 ms', 'max ms'],
    words: [],
    rows: [
      [
        whole(drain.accepted),
        whole(drain.ready),
        whole(drain.failed),
        drain.drainSeconds === undefined ? 'not in time' : `${drain.drainSeconds.toFixed(1)} s`,
        whole(drain.readyPerSecond),
        ...[took?.p50, took?.p95, took?.max].map(whole),
      ],
    ],
  };
}

export function environmentRows({ environment: e, data, startedAt }: Result): [string, string][] {
  const builds = Object.entries(e.builds).map(([service, build]) => `${service} ${build}`);
  return [
    ['started', startedAt],
    ['target', e.target],
    ['commit', e.dirty ? `${e.commit}, with changes that are not committed` : e.commit],
    ['builds', builds.join(', ') || 'not seen'],
    ['replicas', e.replicas],
    ['machine', `${e.cpu}, ${e.cores} cores, ${e.memoryGiB} GiB, ${e.kernel}`],
    ['generator', `k6 ${e.k6}, ${e.generator}`],
    ['Node', e.node],
    ['Postgres', e.postgres ?? 'not seen'],
    ['Redis', e.redis ?? 'not seen'],
    [
      'data',
      `${whole(data.workspaces)} workspaces, ${whole(data.tasks)} tasks, ${whole(data.chunks)} chunks, ${whole(data.sessions)} sessions`,
    ],
  ];
}

function limitText({ limit, unit }: Objective): string {
  return 'atMost' in limit
    ? `at most ${quantity(limit.atMost, unit)}`
    : `at least ${quantity(limit.atLeast, unit)}`;
}

export function quantity(value: number | undefined, unit: string): string {
  if (value === undefined) return 'not measured';
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : 2;
  const text = value.toLocaleString('en', { maximumFractionDigits: digits });
  return unit === '' || unit.startsWith('/') ? text + unit : `${text} ${unit}`;
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(value >= 100 ? 0 : 1);
}

function whole(value: number | undefined): string {
  return value === undefined ? '' : Math.round(value).toLocaleString('en');
}
