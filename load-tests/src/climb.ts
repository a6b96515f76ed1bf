import type { Bench } from './bench.js';
import type { K6Run } from './k6-run.js';
import { kneeOf, nextRate, type Plateau } from './knee.js';
import { errorShare, isMet, latencyObjectives, phaseOf } from './objectives.js';
import type { Profile, Shape } from './profiles.js';
import { isValid, judgeValidity } from './validity.js';

export interface PlateauFigures extends Plateau {
  readonly answeredPerSecond: number;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
  readonly errorShare: number;
  /** It broke for no other reason than the generator, which says nothing about the system. */
  readonly onlyGenerator: boolean;
}

export interface Climb {
  readonly plateaus: readonly PlateauFigures[];
  readonly knee: number | undefined;
  /** The run at the knee, or the last one if none held. */
  readonly run: K6Run;
  readonly shape: Shape;
}

const maxPlateaus = 12;

/** Each plateau is a run of its own, so that one that broke leaves nothing in the generator for the next. */
export async function climb(bench: Bench, profile: Profile, shape: Shape): Promise<Climb> {
  const plateaus: PlateauFigures[] = [];
  const runs = new Map<number, K6Run>();
  let rate = nextRate([], shape.rate);
  while (rate !== undefined && plateaus.length < maxPlateaus) {
    const run = await bench.run(profile, { ...shape, rate });
    const plateau = plateauOf(rate, run);
    bench.parts.say(`  ${describe(plateau)}`);
    plateaus.push(plateau);
    runs.set(rate, run);
    rate = nextRate(plateaus, shape.rate);
  }
  const knee = kneeOf(plateaus);
  const shown = knee ?? plateaus.at(-1)!.rate;
  return { plateaus, knee, run: runs.get(shown)!, shape: { ...shape, rate: shown } };
}

export function climbNotes(plateaus: readonly PlateauFigures[]): string[] {
  const broken = plateaus.filter(({ held }) => !held);
  if (broken.length === 0) return ['No plateau broke: the knee is a lower bound.'];
  if (broken.some(({ onlyGenerator }) => !onlyGenerator)) return [];
  return ['Only the generator gave out, never the system: the knee is a lower bound.'];
}

function plateauOf(rate: number, { measurement, use }: K6Run): PlateauFigures {
  const hold = phaseOf(measurement, 'hold');
  const { generatorCpuShare, stolenShare } = use;
  const findings = judgeValidity({ measurement, generatorCpuShare, stolenShare, buildFaults: [] });
  const missed = latencyObjectives(hold).filter((objective) => !isMet(objective));
  const invalid = findings.filter(({ ok }) => ok === false);
  return {
    rate,
    held: missed.length === 0 && isValid(findings),
    reasons: [
      ...missed.map(({ name, measured, unit }) => `${name} ${measured?.toFixed(2) ?? '?'} ${unit}`),
      ...invalid.map(({ rule, measured }) => `${rule} ${measured}`),
    ],
    onlyGenerator: missed.length === 0 && invalid.every(({ rule }) => rule.startsWith('processor')),
    answeredPerSecond: hold.answered / hold.seconds,
    p50: hold.latency?.p50,
    p95: hold.latency?.p95,
    p99: hold.latency?.p99,
    errorShare: errorShare(hold),
  };
}

function describe({ rate, held, reasons, p95 }: PlateauFigures): string {
  if (held) return `${rate}/s held, p95 ${p95?.toFixed(1) ?? '?'} ms`;
  return `${rate}/s did not hold: ${reasons.join('; ')}`;
}
