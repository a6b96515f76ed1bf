/** One plateau of a capacity run. */
export interface Plateau {
  readonly rate: number;
  readonly held: boolean;
  /** Why it did not hold, one sentence each. */
  readonly reasons: readonly string[];
}

const growth = 1.25;
/** Plateaus closer than this say the same thing twice. */
const minStepShare = 0.05;

/** The highest rate that held below the lowest that did not; undefined when none did. */
export function kneeOf(plateaus: readonly Plateau[]): number | undefined {
  const { held } = boundsOf(plateaus);
  return held;
}

/**
 * The rate to try next: a quarter more while all hold, then half-way into the gap; downwards when not even the
 * first held. Undefined when there is nothing more to learn.
 */
export function nextRate(plateaus: readonly Plateau[], startRate: number): number | undefined {
  if (plateaus.length === 0) return startRate;
  const { held, broken } = boundsOf(plateaus);
  if (held === undefined) return broken! / 2 >= startRate / 8 ? Math.round(broken! / 2) : undefined;
  if (broken === undefined) return Math.round(held * growth);
  const step = (broken - held) / 2;
  if (step < held * minStepShare) return undefined;
  return Math.round(held + step);
}

/** A plateau that held above one that broke was luck, so the lowest break bounds the knee. */
function boundsOf(plateaus: readonly Plateau[]) {
  const broken = least(plateaus.filter(({ held }) => !held).map(({ rate }) => rate));
  const below = plateaus.filter(
    ({ held, rate }) => held && (broken === undefined || rate < broken),
  );
  return { held: greatest(below.map(({ rate }) => rate)), broken };
}

function least(rates: readonly number[]): number | undefined {
  return rates.length > 0 ? Math.min(...rates) : undefined;
}

function greatest(rates: readonly number[]): number | undefined {
  return rates.length > 0 ? Math.max(...rates) : undefined;
}
