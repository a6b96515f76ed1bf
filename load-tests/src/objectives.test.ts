import { describe, expect, test } from 'vitest';
import {
  exampleLatency,
  exampleMeasurement,
  examplePhase,
  exampleWindow,
} from '../test/example-result.js';
import {
  driftObjectives,
  isMet,
  latencyObjectives,
  overloadObjectives,
  recoverySeconds,
} from './objectives.js';

function errorsOf(faults: number) {
  return latencyObjectives({ ...examplePhase(), answered: 1000 - faults, faults })[2]!;
}

describe('objectives of latency', () => {
  test('are met at the limit and missed above it', () => {
    const at = latencyObjectives(examplePhase({ latency: exampleLatency({ p95: 100, p99: 250 }) }));
    const above = latencyObjectives(
      examplePhase({ latency: exampleLatency({ p95: 100.1, p99: 251 }) }),
    );

    expect(at.map(isMet)).toEqual([true, true, true]);
    expect(above.map(isMet)).toEqual([false, false, true]);
  });

  test('are missed where nothing was answered', () => {
    const [p95] = latencyObjectives(examplePhase({ answered: 0, latency: undefined }));

    expect(isMet(p95!)).toBe(false);
  });

  test('count one error in a thousand as the most', () => {
    expect(isMet(errorsOf(1))).toBe(true);
    expect(isMet(errorsOf(2))).toBe(false);
  });
});

describe('overload', () => {
  const phases = [
    examplePhase({ name: 'before', startSecond: 0 }),
    examplePhase({
      name: 'overload',
      startSecond: 10,
      started: 10_000,
      answered: 8_000,
      faults: 2_000,
      reasons: { shed: 1_950, server: 50 },
    }),
    examplePhase({ name: 'after', startSecond: 20 }),
  ];
  const windows = [
    exampleWindow(10, 900),
    exampleWindow(20, 800),
    exampleWindow(25, 60, 500),
    exampleWindow(30),
    exampleWindow(35),
    exampleWindow(40, 300),
  ];
  const measurement = exampleMeasurement({ phases, windows });

  test('compares what got done with the capacity, and leaves shedding out of the errors', () => {
    const [share, , broken] = overloadObjectives(measurement, 1_000);

    expect(share!.measured).toBe(80);
    expect(broken!.measured).toBeCloseTo(0.5);
  });

  test('is over when ten seconds are healthy, whatever comes later', () => {
    expect(recoverySeconds(measurement)).toBe(10);
  });

  test('is not over while no ten seconds were healthy', () => {
    const never = exampleMeasurement({ phases, windows: windows.slice(0, 4) });

    expect(recoverySeconds(never)).toBeUndefined();
  });
});

test('drift compares the last quarter with the first', () => {
  const phases = [
    examplePhase({ name: 'first', latency: exampleLatency({ p99: 40 }) }),
    examplePhase({ name: 'last', latency: exampleLatency({ p99: 50 }) }),
  ];

  const [, drift] = driftObjectives(exampleMeasurement({ phases }), 0.5);

  expect(drift!.measured).toBeCloseTo(25);
  expect(isMet(drift!)).toBe(false);
});
