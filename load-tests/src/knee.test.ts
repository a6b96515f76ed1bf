import { describe, expect, test } from 'vitest';
import { kneeOf, nextRate, type Plateau } from './knee.js';

/** Climbs against a system that holds up to `capacity`; returns the rates tried. */
function climb(capacity: number, startRate: number): { tried: number[]; knee: number | undefined } {
  const plateaus: Plateau[] = [];
  let rate = nextRate(plateaus, startRate);
  while (rate !== undefined && plateaus.length < 30) {
    plateaus.push({ rate, held: rate <= capacity, reasons: [] });
    rate = nextRate(plateaus, startRate);
  }
  return { tried: plateaus.map((plateau) => plateau.rate), knee: kneeOf(plateaus) };
}

describe('the climb to the knee', () => {
  test.each([500, 730, 1000, 2100, 4321])('finds a capacity of %d within a tenth', (capacity) => {
    const { knee } = climb(capacity, 500);

    expect(knee).toBeLessThanOrEqual(capacity);
    expect(knee).toBeGreaterThan(capacity * 0.9);
  });

  test('takes few plateaus', () => {
    expect(climb(2100, 500).tried.length).toBeLessThanOrEqual(10);
  });

  test('goes down when the first plateau does not hold', () => {
    const { knee } = climb(200, 500);

    expect(knee).toBeLessThanOrEqual(200);
    expect(knee).toBeGreaterThan(180);
  });

  test('ends without a knee where nothing holds', () => {
    const { tried, knee } = climb(0, 500);

    expect(knee).toBeUndefined();
    expect(tried).toEqual([500, 250, 125, 63]);
  });
});

test('a plateau that held above one that broke does not count', () => {
  const plateaus = [
    { rate: 500, held: true, reasons: [] },
    { rate: 600, held: false, reasons: ['p95'] },
    { rate: 700, held: true, reasons: [] },
  ];

  expect(kneeOf(plateaus)).toBe(500);
});
