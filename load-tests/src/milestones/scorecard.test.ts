import { describe, expect, test } from 'vitest';
import { exampleResult } from '../../test/example-result.js';
import { parseMilestonesArguments } from './milestones-arguments.js';
import { exitCodeOf, loadEntries, probes, withProofs } from './scorecard.js';

const passed = { path: 'a.test.ts', state: 'passed', tests: 12 } as const;
const failed = { path: 'b.test.ts', state: 'failed', tests: 3 } as const;
const notRun = { path: 'c.test.ts', state: 'not run', tests: 0 } as const;

describe('an entry', () => {
  test('that was seen to work fails with a test that proves it', () => {
    const seen = { state: 'pass', measured: '401' } as const;

    expect(withProofs(seen, [passed, notRun])).toEqual(seen);
    expect(withProofs(seen, [passed, failed])).toEqual({
      state: 'fail',
      measured: 'failing: b.test.ts',
    });
  });

  test('that cannot be seen is decided by its tests, and open while they have not run', () => {
    const unseen = { state: 'unknown', measured: 'by test' } as const;

    expect(withProofs(unseen, [passed])).toEqual({ state: 'pass', measured: '12 tests passed' });
    expect(withProofs(unseen, [passed, notRun])).toEqual(unseen);
    expect(withProofs(unseen, [])).toEqual(unseen);
  });
});

describe('milestone 1', () => {
  test('takes its items from the objectives of the run', () => {
    const states = loadEntries(exampleResult()).map(({ item, state }) => [item, state]);

    expect(states).toEqual([
      ['The run may be believed', 'pass'],
      ['p95: at most 100 ms', 'pass'],
    ]);
  });

  test('takes no good figure from an invalid run', () => {
    const broken = {
      rule: 'iterations dropped',
      measured: '2 %',
      limit: 'at most 0.1 %',
      ok: false,
    };
    const entries = loadEntries(exampleResult({ verdict: 'invalid', validity: [broken] }));

    expect(entries.map(({ state }) => state)).toEqual(['fail', 'unknown']);
    expect(entries[0]!.measured).toBe('iterations dropped: 2 %');
  });

  test('is open when no load was run', () => {
    expect(exitCodeOf(loadEntries(undefined))).toBe(2);
  });
});

test('every item belongs to a milestone and has a name of its own', () => {
  expect(new Set(probes.map(({ item }) => item)).size).toBe(probes.length);
  expect(new Set(probes.map(({ milestone }) => milestone))).toEqual(new Set([2, 3]));
});

describe('the arguments', () => {
  test('take their own and leave the rest to the load', () => {
    const args = parseMilestonesArguments([
      '--grpc',
      'localhost:7170',
      '--no-tests',
      '--rate',
      '100',
      '--duration=30s',
    ]);

    expect(args).toMatchObject({ grpcAddress: 'localhost:7170', withTests: false, withLoad: true });
    expect(args.load).toMatchObject({ command: 'milestone', rate: 100, seconds: 30 });
  });

  test('know no gRPC door on another machine', () => {
    const args = parseMilestonesArguments(['--base-url', 'https://example.com', '--allow-remote']);

    expect(args.grpcAddress).toBeUndefined();
  });
});
