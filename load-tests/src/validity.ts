import type { Measurement, PhaseFigures } from './measurement.js';
import { sumOf } from './statistics.js';

export interface ValidityFacts {
  readonly measurement: Measurement;
  /** Share of all cores of the generator's machine that k6 used, 0 to 1; undefined where it could not be seen. */
  readonly generatorCpuShare: number | undefined;
  /** Share of time in which the hypervisor gave the cores to others; undefined where it could not be seen. */
  readonly stolenShare: number | undefined;
  /** What is wrong with the build that answered, one sentence each. */
  readonly buildFaults: readonly string[];
}

export interface Finding {
  readonly rule: string;
  readonly measured: string;
  readonly limit: string;
  /** Undefined where it could not be measured: that alone makes no run invalid, and the report says so. */
  readonly ok: boolean | undefined;
}

const maxDroppedShare = 0.001;
/** The last ones may be cut off at the end; more are faults of the scenario. */
const maxUnexplainedShare = 0.001;
const minAchievedShare = 0.99;
const maxGeneratorCpuShare = 0.8;
const maxStolenShare = 0.05;
const maxVirtualUserShare = 0.9;

/**
 * Whether a run says anything about the target. An open model that could not start its iterations on time measured its
 * generator, so such a run is invalid whatever its latencies are: neither passed nor failed.
 */
export function judgeValidity(facts: ValidityFacts): Finding[] {
  const { measurement } = facts;
  const { dropped, phases, virtualUsers } = measurement;
  const steady = phases.filter(({ name }) => name !== 'ramp');
  const scheduled = sumOf(phases, ({ scheduled: count }) => count);
  const unexplained = sumOf(phases, unanswered);
  const usersShare = virtualUsers.most / Math.max(1, virtualUsers.allocated);
  const achieved = Math.min(...steady.map((phase) => phase.started / Math.max(1, phase.scheduled)));
  return [
    atMost('iterations dropped', dropped / Math.max(1, scheduled), maxDroppedShare),
    {
      rule: 'rate achieved',
      measured: percent(achieved),
      limit: `at least ${percent(minAchievedShare)} of the target in each phase`,
      ok: achieved >= minAchievedShare,
    },
    atMost('virtual users busy', usersShare, maxVirtualUserShare),
    atMost('processor used by the generator', facts.generatorCpuShare, maxGeneratorCpuShare),
    atMost('processor time stolen from this machine', facts.stolenShare, maxStolenShare),
    atMost(
      'iterations without an outcome',
      unexplained / Math.max(1, scheduled),
      maxUnexplainedShare,
    ),
    {
      rule: 'the build that answered',
      measured: facts.buildFaults.join('; ') || 'as expected',
      limit: 'the same throughout, and the one meant',
      ok: facts.buildFaults.length === 0,
    },
  ];
}

export function isValid(findings: readonly Finding[]): boolean {
  return findings.every(({ ok }) => ok !== false);
}

/** A journey may have more than one request an iteration, so only too few of them are a fault of the script. */
function unanswered({ started, answered, faults }: PhaseFigures): number {
  return Math.max(0, started - answered - faults);
}

function atMost(rule: string, share: number | undefined, limit: number): Finding {
  return {
    rule,
    measured: share === undefined ? 'not measured' : percent(share),
    limit: `at most ${percent(limit)}`,
    ok: share === undefined ? undefined : share <= limit,
  };
}

function percent(share: number): string {
  const value = share * 100;
  return `${Number(value.toFixed(Math.abs(value) < 10 ? 2 : 1))} %`;
}
