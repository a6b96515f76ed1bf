import { expect, test } from 'vitest';
import { buildFaults } from './build-check.js';
import type { ServiceState } from './service-metrics.js';

const api: ServiceState = {
  service: 'api',
  build: { version: '0.1.0', commit: '9fb60d8' },
  startedAtSeconds: 1_000,
  cpuSeconds: 1,
  residentMiB: 100,
  eventLoopDelayP99Ms: 10,
};
const nothingExpected = { expectedBuild: undefined, builtAtMs: undefined };

function faultsExpecting(expectedBuild: string) {
  return buildFaults([api], [api], { expectedBuild, builtAtMs: undefined });
}

test('the same processes before and after are fine', () => {
  expect(buildFaults([api], [api], nothingExpected)).toEqual([]);
});

test('a restart in the middle is found', () => {
  const restarted = { ...api, startedAtSeconds: 1_005 };

  expect(buildFaults([api], [restarted], nothingExpected)).toEqual([
    'api was restarted in the middle',
  ]);
  expect(buildFaults([api], [], nothingExpected)[0]).toContain('stopped answering');
});

test('the build that was asked for must be the one that answers', () => {
  expect(faultsExpecting('9fb60d8')).toEqual([]);
  expect(faultsExpecting('0.2.0')[0]).toContain('0.2.0 did not answer, but api 0.1.0');
});

test('processes older than the code on disk are not what was meant', () => {
  const newer = { expectedBuild: undefined, builtAtMs: 1_000_001 };
  const older = { expectedBuild: undefined, builtAtMs: 999_999 };

  expect(buildFaults([api], [api], newer)[0]).toContain('api started before');
  expect(buildFaults([api], [api], older)).toEqual([]);
});
