/** A mean with the interval that holds 95 % of the means of resampled data. */
export interface Estimate {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const resamples = 10_000;
const seed = 20_260_101;

/** A percentile bootstrap over the queries. The same values give the same interval. */
export function estimate(values: readonly number[]): Estimate {
  const random = randomFrom(seed);
  const means = Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let draw = 0; draw < values.length; draw += 1) {
      sum += values[Math.floor(random() * values.length)]!;
    }
    return sum / values.length;
  });
  return { mean: mean(values), low: percentile(means, 0.025), high: percentile(means, 0.975) };
}

/** Of a paired difference: significant where the interval leaves 0 out. */
export function estimateDifference(ours: readonly number[], theirs: readonly number[]): Estimate {
  return estimate(ours.map((value, index) => value - theirs[index]!));
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The value that so much of them do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** Mulberry32. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
