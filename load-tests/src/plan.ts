// k6 runs this file too, as it is: it imports nothing.

/** A stretch of a run with its own arrival rate. Figures are kept apart by phase. */
export interface Phase {
  readonly name: string;
  readonly seconds: number;
  /** Iterations started a second, at the beginning and at the end; between them the rate changes evenly. */
  readonly fromRate: number;
  readonly toRate: number;
}

export type Journey = 'mixed' | 'search' | 'logins' | 'uploads';

/** Where in the data file the ids of one workspace lie. */
export interface Slice {
  readonly first: number;
  readonly count: number;
}

/** Everything that the runner tells k6, as one JSON file. */
export interface K6Job {
  readonly journey: Journey;
  /** With the base path of the API. */
  readonly apiUrl: string;
  /** Answers with the access tokens that are valid now; the runner keeps them so. */
  readonly tokensUrl: string;
  readonly runId: string;
  readonly phases: readonly Phase[];
  /** Phases whose routes are reported one by one. */
  readonly measured: readonly string[];
  readonly windowSeconds: number;
  readonly virtualUsers: number;
  readonly timeoutSeconds: number;
  /** One id a line: tasks, and documents. */
  readonly taskIdsFile: string;
  readonly documentIdsFile: string;
  readonly workspaces: readonly { readonly tasks: Slice; readonly documents: Slice }[];
  readonly accounts: readonly { readonly email: string; readonly password: string }[];
  readonly summaryFile: string;
}

/** Why an answer was not the one that was expected. */
export const faultReasons = [
  'rate-limited',
  'shed',
  'server',
  'client',
  'timeout',
  'network',
] as const;
export type FaultReason = (typeof faultReasons)[number];

export const journeyRoutes = {
  mixed: [
    'GET /tasks/{id}',
    'GET /tasks/{id} (unchanged)',
    'GET /tasks',
    'GET /tasks (next page)',
    'POST /tasks',
    'PATCH /tasks/{id}',
    'DELETE /tasks/{id}',
    'GET /documents',
    'GET /documents/{id}',
    'POST /search',
    'POST /documents',
  ],
  search: ['POST /search (hybrid)', 'POST /search (keyword)', 'POST /search (vector)'],
  logins: ['POST /auth/login', 'POST /auth/logout'],
  uploads: ['POST /documents'],
} as const satisfies Record<Journey, readonly string[]>;

export type MixedRoute = (typeof journeyRoutes.mixed)[number];

/** Of a hundred requests of the mix, how many go where. */
export const mix: Readonly<Record<MixedRoute, number>> = {
  'GET /tasks/{id}': 46,
  'GET /tasks/{id} (unchanged)': 5,
  'GET /tasks': 20,
  'GET /tasks (next page)': 4,
  'POST /tasks': 8,
  'PATCH /tasks/{id}': 7,
  'DELETE /tasks/{id}': 1,
  'GET /documents': 2,
  'GET /documents/{id}': 4,
  'POST /search': 2,
  'POST /documents': 1,
};

export function totalSeconds(phases: readonly Phase[]): number {
  return phases.reduce((sum, phase) => sum + phase.seconds, 0);
}

/** How many iterations the phase starts when none is dropped. */
export function scheduledIterations({ fromRate, toRate, seconds }: Phase): number {
  return ((fromRate + toRate) / 2) * seconds;
}

export function peakRate(phases: readonly Phase[]): number {
  return Math.max(...phases.flatMap(({ fromRate, toRate }) => [fromRate, toRate]));
}

/** The stages of a ramping-arrival-rate executor; a jump between two phases takes no time. */
export function stagesOf(phases: readonly Phase[]): { target: number; duration: string }[] {
  return phases.flatMap(({ fromRate, toRate, seconds }, index) => {
    const jump = index > 0 && phases[index - 1]!.toRate !== fromRate;
    const hold = { target: toRate, duration: `${seconds}s` };
    return jump ? [{ target: fromRate, duration: '0s' }, hold] : [hold];
  });
}

/** The phase that an iteration belongs to which starts so many seconds into the run. */
export function phaseAt(phases: readonly Phase[], elapsedSeconds: number): string {
  let end = 0;
  for (const phase of phases) {
    end += phase.seconds;
    if (elapsedSeconds < end) return phase.name;
  }
  return phases.at(-1)!.name;
}

/** An even draw from mulberry32, for data that is the same in each run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
