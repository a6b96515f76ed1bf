import { describe, expect, test } from 'vitest';
import { exampleMeasurement, examplePhase } from '../test/example-result.js';
import { isValid, judgeValidity, type ValidityFacts } from './validity.js';

function facts(overrides: Partial<ValidityFacts> = {}): ValidityFacts {
  return {
    measurement: exampleMeasurement(),
    generatorCpuShare: 0.3,
    stolenShare: 0.01,
    buildFaults: [],
    ...overrides,
  };
}

function brokenRules(overrides: Partial<ValidityFacts>): string[] {
  return judgeValidity(facts(overrides))
    .filter(({ ok }) => ok === false)
    .map(({ rule }) => rule);
}

describe('the validity guard', () => {
  test('believes a run that kept its schedule', () => {
    expect(isValid(judgeValidity(facts()))).toBe(true);
  });

  test.each([
    ['iterations dropped', { measurement: exampleMeasurement({ dropped: 11 }) }],
    [
      'rate achieved',
      {
        measurement: exampleMeasurement({
          phases: [examplePhase({ started: 9_899, answered: 9_899 })],
        }),
      },
    ],
    [
      'virtual users busy',
      { measurement: exampleMeasurement({ virtualUsers: { most: 271, allocated: 300 } }) },
    ],
    ['processor used by the generator', { generatorCpuShare: 0.81 }],
    ['processor time stolen from this machine', { stolenShare: 0.06 }],
    [
      'iterations without an outcome',
      { measurement: exampleMeasurement({ phases: [examplePhase({ answered: 9_989 })] }) },
    ],
    ['the build that answered', { buildFaults: ['api was restarted in the middle'] }],
  ])('%s: too much makes a run invalid', (rule, overrides) => {
    expect(brokenRules(overrides)).toEqual([rule]);
  });

  test('holds the limits themselves to be fine', () => {
    const measurement = exampleMeasurement({
      dropped: 10,
      phases: [examplePhase({ started: 9_900, answered: 9_900 })],
      virtualUsers: { most: 270, allocated: 300 },
    });

    expect(brokenRules({ measurement, generatorCpuShare: 0.8, stolenShare: 0.05 })).toEqual([]);
  });

  test('does not ask a ramp to be on time to the iteration', () => {
    const ramp = examplePhase({ name: 'ramp', scheduled: 1_000, started: 970, answered: 970 });

    expect(
      brokenRules({ measurement: exampleMeasurement({ phases: [ramp, examplePhase()] }) }),
    ).toEqual([]);
  });

  test('says what it could not measure, and lets it pass', () => {
    const findings = judgeValidity(facts({ generatorCpuShare: undefined, stolenShare: undefined }));

    expect(findings.filter(({ ok }) => ok === undefined)).toHaveLength(2);
    expect(isValid(findings)).toBe(true);
  });

  test('counts faults as answers, for they are', () => {
    const phase = examplePhase({ answered: 9_000, faults: 1_000 });

    expect(brokenRules({ measurement: exampleMeasurement({ phases: [phase] }) })).toEqual([]);
  });
});
