import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceState } from './service-metrics.js';

export interface BuildExpectation {
  /** Must be one of the labels of build_info. */
  readonly expectedBuild: string | undefined;
  /** Milliseconds since 1970; undefined where the processes may be older than the code on disk. */
  readonly builtAtMs: number | undefined;
}

/** What speaks against the build that answered having been the one meant, throughout the run. One sentence each. */
export function buildFaults(
  before: readonly ServiceState[],
  after: readonly ServiceState[],
  { expectedBuild, builtAtMs }: BuildExpectation,
): string[] {
  const faults = before.flatMap((state) => restartFaults(state, after));
  if (expectedBuild !== undefined && !before.some((state) => answersTo(state, expectedBuild))) {
    const seen = before.map(({ service, build }) => `${service} ${build['version'] ?? 'unknown'}`);
    faults.push(
      `${expectedBuild} did not answer, but ${seen.join(', ') || 'no service that says its build'}`,
    );
  }
  const stale = before.filter(
    ({ startedAtSeconds }) =>
      builtAtMs !== undefined &&
      startedAtSeconds !== undefined &&
      startedAtSeconds * 1000 < builtAtMs,
  );
  if (stale.length > 0) {
    const names = stale.map(({ service }) => service).join(', ');
    faults.push(`${names} started before the code on disk was built: restart, or say --any-build`);
  }
  return faults;
}

/** When the newest file of the services and packages was compiled. */
export function builtAt(root: string): number | undefined {
  const times = [
    'services/api',
    'services/auth',
    'services/worker',
    'packages/platform',
    'packages/contracts',
  ]
    .map((folder) => join(root, folder, 'dist'))
    .flatMap(compiledFiles)
    .map((file) => statSync(file).mtimeMs);
  return times.length > 0 ? Math.max(...times) : undefined;
}

function restartFaults(before: ServiceState, after: readonly ServiceState[]): string[] {
  const { service } = before;
  const later = after.find((state) => state.service === service);
  if (!later) return [`${service} stopped answering on its admin port`];
  const same = before.startedAtSeconds === later.startedAtSeconds;
  return same ? [] : [`${service} was restarted in the middle`];
}

function answersTo({ build }: ServiceState, expected: string): boolean {
  return Object.values(build).some((label) => label === expected);
}

function compiledFiles(folder: string): string[] {
  try {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return files.filter((file) => file.endsWith('.js')).map((file) => join(folder, file));
  } catch {
    return [];
  }
}
