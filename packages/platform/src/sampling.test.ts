import { describe, expect, test } from 'vitest';
import { DoorSampler } from './sampling.js';

describe('the door', () => {
  test('takes the share of the ratio when no number a second is promised', () => {
    const everything = new DoorSampler({ ratio: 1, perSecond: 0 });
    const nothing = new DoorSampler({ ratio: 0, perSecond: 0 });
    expect([everything.decide(), nothing.decide(), nothing.takeToken()]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('takes the promised number a second whatever the ratio, and no more of a flood', () => {
    let now = 0;
    const door = new DoorSampler({ ratio: 0, perSecond: 2 }, () => now);
    const taken = () => Array.from({ length: 100 }, () => door.decide()).filter(Boolean).length;

    expect(taken()).toBe(2);
    now = 500;
    expect(taken()).toBe(1);
    now = 60_000;
    expect(taken()).toBe(2);
  });
});
