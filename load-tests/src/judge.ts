import type { K6Run } from './k6-run.js';
import {
  atMost,
  driftObjectives,
  latencyObjectives,
  memoryObjective,
  overloadObjectives,
  phaseOf,
  rateObjective,
  type Objective,
} from './objectives.js';
import type { ProfileName, Shape } from './profiles.js';
import type { DrainFigures } from './queue-drain.js';

const wantedKnee = { atLeast: 2000, aim: 4000 };

/** What is known beside the figures of the run. */
interface Knowledge {
  readonly shape: Shape;
  readonly capacity?: number | undefined;
  readonly knee?: number | undefined;
  readonly drain?: DrainFigures;
}

type Figures = Pick<K6Run, 'measurement' | 'use'>;

/** What the profile is held to, with what was measured. */
export function objectivesOf(
  profile: ProfileName,
  figures: Figures,
  knowledge: Knowledge,
): Objective[] {
  return judges[profile](figures, knowledge);
}

const judges: Readonly<Record<ProfileName, (figures: Figures, known: Knowledge) => Objective[]>> = {
  smoke: ({ measurement }) => latencyObjectives(phaseOf(measurement, 'hold'), { errors: 0 }),

  milestone: ({ measurement, use }, { shape }) => {
    const hold = phaseOf(measurement, 'hold');
    const [p95, ...others] = latencyObjectives(hold);
    return [
      rateObjective(hold, shape.rate),
      { ...p95!, aim: 25 },
      ...others,
      memoryObjective(use.largestServiceMiB),
    ];
  },

  capacity: (_figures, { knee }) => [
    {
      name: 'knee: most requests a second within the objective',
      measured: knee ?? 0,
      unit: '/s',
      limit: { atLeast: wantedKnee.atLeast },
      aim: wantedKnee.aim,
    },
  ],

  spike: ({ measurement }) => overloadObjectives(measurement, undefined),

  stress: ({ measurement }, { capacity }) => overloadObjectives(measurement, capacity),

  soak: ({ measurement, use }) => [
    ...latencyObjectives(phaseOf(measurement, 'hold')),
    ...driftObjectives(measurement, use.residentSlopePercentPerHour),
    memoryObjective(use.largestServiceMiB),
  ],

  queue: ({ measurement }, { shape, drain }) => [
    rateObjective(phaseOf(measurement, 'hold'), shape.rate),
    ...latencyObjectives(phaseOf(measurement, 'hold'), { p95: 250, p99: 1000 }),
    atMost('documents that failed', drain?.failed, '', 0),
    atMost('documents not ready in the end', drain && drain.accepted - drain.ready, '', 0),
  ],

  auth: ({ measurement }) =>
    latencyObjectives(phaseOf(measurement, 'hold'), { p95: 500, p99: 1000 }),

  search: ({ measurement }) => latencyObjectives(phaseOf(measurement, 'hold')),
};
