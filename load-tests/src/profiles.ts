import type { Journey, Phase } from './plan.js';

export type ProfileName =
  'smoke' | 'milestone' | 'capacity' | 'spike' | 'stress' | 'soak' | 'queue' | 'auth' | 'search';

export interface Shape {
  /** Iterations a second: what the profile is about, whatever it makes of it. */
  readonly rate: number;
  readonly seconds: number;
  readonly rampSeconds: number;
}

export interface Profile {
  readonly name: ProfileName;
  readonly purpose: string;
  readonly journey: Journey;
  readonly shape: Shape;
  /** Where the rate comes from if it is not given: a figure of its own, or a share of the measured capacity. */
  readonly rateOfCapacity?: number;
  readonly phases: (shape: Shape) => Phase[];
  /** The phases whose figures are held against the objectives, route by route. */
  readonly measured: readonly string[];
  readonly windowSeconds: number;
  /** How long a virtual user is taken to be busy with one request, at worst: decides how many there are. */
  readonly busySeconds: number;
  readonly data: 'small' | 'full';
}

const mixed = { journey: 'mixed', measured: ['hold'], busySeconds: 0.3, data: 'full' } as const;

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  smoke: {
    ...mixed,
    name: 'smoke',
    purpose: 'Is everything there and does each route answer? A few requests of each kind.',
    shape: { rate: 20, seconds: 30, rampSeconds: 0 },
    phases: rampAndHold,
    windowSeconds: 2,
    data: 'small',
  },
  milestone: {
    ...mixed,
    name: 'milestone',
    purpose: 'The milestone of the roadmap: 1000 requests a second of the mix, for five minutes.',
    shape: { rate: 1000, seconds: 300, rampSeconds: 60 },
    phases: rampAndHold,
    windowSeconds: 5,
  },
  capacity: {
    ...mixed,
    name: 'capacity',
    purpose: 'Plateau after plateau until the objective breaks: the knee is the highest that held.',
    shape: { rate: 500, seconds: 30, rampSeconds: 5 },
    phases: rampAndHold,
    windowSeconds: 5,
  },
  spike: {
    ...mixed,
    name: 'spike',
    purpose: 'Ten times the load for half a minute: shed, do not collapse, and be back soon.',
    shape: { rate: 300, seconds: 30, rampSeconds: 5 },
    phases: ({ rate, seconds, rampSeconds }) => [
      ...rampTo(rate, rampSeconds),
      steady('before', rate, 20),
      steady('overload', rate * 10, seconds),
      steady('after', rate, 60),
    ],
    measured: ['overload'],
    windowSeconds: 1,
    busySeconds: 0.5,
  },
  stress: {
    ...mixed,
    name: 'stress',
    purpose:
      'Half as much again as the capacity: what gets done must not fall, and it must recover.',
    shape: { rate: 1500, seconds: 120, rampSeconds: 10 },
    rateOfCapacity: 1.5,
    phases: ({ rate, seconds, rampSeconds }) => [
      ...rampTo(rate * 0.4, rampSeconds),
      steady('before', rate * 0.4, 20),
      steady('overload', rate, seconds),
      steady('after', rate * 0.4, 60),
    ],
    measured: ['overload'],
    windowSeconds: 2,
    busySeconds: 0.7,
  },
  soak: {
    ...mixed,
    name: 'soak',
    purpose:
      'Sixty per cent of the capacity for an hour: does anything grow, does anything slow down?',
    shape: { rate: 600, seconds: 3600, rampSeconds: 60 },
    rateOfCapacity: 0.6,
    phases: ({ rate, seconds, rampSeconds }) => [
      ...rampTo(rate, rampSeconds),
      steady('first', rate, seconds / 4),
      steady('hold', rate, seconds / 2),
      steady('last', rate, seconds / 4),
    ],
    measured: ['hold'],
    windowSeconds: 30,
  },
  queue: {
    name: 'queue',
    purpose:
      'Small documents faster than they are ingested, then the drain: from accepted to ready.',
    journey: 'uploads',
    shape: { rate: 200, seconds: 25, rampSeconds: 0 },
    phases: rampAndHold,
    measured: ['hold'],
    windowSeconds: 1,
    busySeconds: 0.5,
    data: 'small',
  },
  auth: {
    name: 'auth',
    purpose: 'Logins on their own budget: a password hash is expensive on purpose.',
    journey: 'logins',
    shape: { rate: 5, seconds: 60, rampSeconds: 5 },
    phases: rampAndHold,
    measured: ['hold'],
    windowSeconds: 5,
    busySeconds: 4,
    data: 'small',
  },
  search: {
    name: 'search',
    purpose: 'Searches alone, the three modes in equal parts.',
    journey: 'search',
    shape: { rate: 50, seconds: 60, rampSeconds: 5 },
    phases: rampAndHold,
    measured: ['hold'],
    windowSeconds: 5,
    busySeconds: 1,
    data: 'full',
  },
};

/** Enough virtual users for the rate, each with its own connection; a few more at low rates, where one hiccup is many. */
export function virtualUsersFor({ busySeconds }: Profile, peakRate: number): number {
  return Math.min(3_000, Math.max(40, Math.ceil(peakRate * busySeconds)));
}

function rampAndHold({ rate, seconds, rampSeconds }: Shape): Phase[] {
  return [...rampTo(rate, rampSeconds), steady('hold', rate, seconds)];
}

function rampTo(rate: number, seconds: number): Phase[] {
  return seconds > 0 ? [{ name: 'ramp', seconds, fromRate: 0, toRate: rate }] : [];
}

function steady(name: string, rate: number, seconds: number): Phase {
  return { name, seconds, fromRate: rate, toRate: rate };
}
