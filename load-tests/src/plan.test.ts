import { describe, expect, test } from 'vitest';
import {
  journeyRoutes,
  mix,
  peakRate,
  phaseAt,
  scheduledIterations,
  seededRandom,
  stagesOf,
  totalSeconds,
} from './plan.js';
import { profiles, virtualUsersFor } from './profiles.js';

const spike = profiles.spike.phases({ rate: 100, seconds: 30, rampSeconds: 5 });

describe('a plan', () => {
  test('becomes stages, with a jump where a phase begins at another rate', () => {
    expect(stagesOf(spike)).toEqual([
      { target: 100, duration: '5s' },
      { target: 100, duration: '20s' },
      { target: 1000, duration: '0s' },
      { target: 1000, duration: '30s' },
      { target: 100, duration: '0s' },
      { target: 100, duration: '60s' },
    ]);
  });

  test('says which phase a moment belongs to, the last one at the end', () => {
    const moments = [0, 5, 24.9, 25, 55, 1000].map((second) => phaseAt(spike, second));

    expect(moments).toEqual(['ramp', 'before', 'before', 'overload', 'after', 'after']);
  });

  test('knows its length, its peak and how many iterations a ramp starts', () => {
    expect(totalSeconds(spike)).toBe(115);
    expect(peakRate(spike)).toBe(1000);
    expect(scheduledIterations(spike[0]!)).toBe(250);
  });
});

test('the mix is a hundred requests over exactly the routes of the journey', () => {
  expect(Object.keys(mix)).toEqual([...journeyRoutes.mixed]);
  expect(Object.values(mix).reduce((sum, share) => sum + share, 0)).toBe(100);
});

describe.each(Object.values(profiles))('profile $name', (profile) => {
  test('measures phases that it has', () => {
    const names = profile.phases(profile.shape).map(({ name }) => name);

    expect(names).toEqual(expect.arrayContaining([...profile.measured]));
  });

  test('has virtual users for its peak, within bounds', () => {
    const users = virtualUsersFor(profile, peakRate(profile.phases(profile.shape)));

    expect(users).toBeGreaterThanOrEqual(40);
    expect(users).toBeLessThanOrEqual(3_000);
  });
});

test('a seed always draws the same numbers, evenly', () => {
  const draws = Array.from({ length: 1_000 }, seededRandom(7));
  const again = Array.from({ length: 1_000 }, seededRandom(7));

  expect(draws).toEqual(again);
  expect(draws.reduce((sum, value) => sum + value, 0) / 1_000).toBeCloseTo(0.5, 1);
});
