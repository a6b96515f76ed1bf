import os from 'node:os';
import { slope } from './statistics.js';
import { services, type MachineUse } from './processes.js';

/** At one moment of a run: what each group has used of the processor so far and holds of memory now. */
export interface Reading {
  readonly second: number;
  readonly machine: MachineUse | undefined;
  readonly groups: Readonly<
    Record<string, { cpuSeconds: number; residentMiB: number; processes: number }>
  >;
  readonly eventLoopDelayP99Ms: Readonly<Record<string, number>>;
}

export interface GroupUse {
  readonly group: string;
  /** Cores, on average over the run. */
  readonly cores: number;
  readonly cpuSeconds: number;
  readonly residentMiB: { readonly last: number; readonly most: number };
}

export interface ResourceUse {
  readonly seconds: number;
  readonly groups: readonly GroupUse[];
  readonly generatorCpuShare: number | undefined;
  readonly machineCpuShare: number | undefined;
  readonly stolenShare: number | undefined;
  /** Cores that programs used which have no part in the run: what disturbs it. */
  readonly otherCores: number | undefined;
  readonly eventLoopDelayP99Ms: Readonly<Record<string, number>>;
  /** Of the largest process of any service, at the end. */
  readonly largestServiceMiB: number | undefined;
  /** Of the services together over the second half, relative to its mean. */
  readonly residentSlopePercentPerHour: number | undefined;
  readonly series: readonly {
    second: number;
    cores: Record<string, number>;
    residentMiB: Record<string, number>;
  }[];
}

/** How groups are listed and coloured. */
export const groupOrder: readonly string[] = [...services, 'postgres', 'redis', 'k6'];

/** Reads a run's figures off what was noted while it lasted. */
export function summarize(
  readings: readonly Reading[],
  largestServiceMiB: number | undefined,
): ResourceUse {
  const first = readings[0]!;
  const last = readings.findLast(({ groups }) => 'k6' in groups) ?? readings.at(-1)!;
  const seconds = Math.max(0.001, last.second - first.second);
  const names = groupOrder.filter((group) => readings.some(({ groups }) => group in groups));
  const groups = names.map((group) => useOf(group, readings, seconds));
  const generator = groups.find(({ group }) => group === 'k6');
  return {
    seconds,
    groups,
    generatorCpuShare: generator && generator.cores / os.availableParallelism(),
    ...machineShares(first.machine, last.machine),
    otherCores: otherCores(first, last, groups),
    eventLoopDelayP99Ms: greatest(readings.map((reading) => reading.eventLoopDelayP99Ms)),
    largestServiceMiB,
    residentSlopePercentPerHour: residentSlope(readings),
    series: seriesOf(readings),
  };
}

function useOf(group: string, readings: readonly Reading[], seconds: number): GroupUse {
  const seen = readings.flatMap(({ groups }) => groups[group] ?? []);
  const cpuSeconds = Math.max(0, seen.at(-1)!.cpuSeconds - seen[0]!.cpuSeconds);
  return {
    group,
    cores: cpuSeconds / seconds,
    cpuSeconds,
    residentMiB: {
      last: seen.at(-1)!.residentMiB,
      most: Math.max(...seen.map(({ residentMiB }) => residentMiB)),
    },
  };
}

function otherCores(
  first: Reading,
  last: Reading,
  groups: readonly GroupUse[],
): number | undefined {
  if (!first.machine || !last.machine) return undefined;
  const busy = last.machine.busySeconds - first.machine.busySeconds;
  const ours = groups.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  return Math.max(0, busy - ours) / Math.max(0.001, last.second - first.second);
}

function machineShares(first: MachineUse | undefined, last: MachineUse | undefined) {
  if (!first || !last) return { machineCpuShare: undefined, stolenShare: undefined };
  const total = Math.max(0.001, last.totalSeconds - first.totalSeconds);
  return {
    machineCpuShare: (last.busySeconds - first.busySeconds) / total,
    stolenShare: (last.stolenSeconds - first.stolenSeconds) / total,
  };
}

function residentSlope(readings: readonly Reading[]): number | undefined {
  const half = readings.slice(Math.floor(readings.length / 2));
  const points = half.map(
    ({ second, groups }) =>
      [
        second / 3600,
        services.reduce((sum, name) => sum + (groups[name]?.residentMiB ?? 0), 0),
      ] as const,
  );
  const mean = points.reduce((sum, [, size]) => sum + size, 0) / Math.max(1, points.length);
  const growth = slope(points);
  return growth === undefined || mean === 0 ? undefined : (growth / mean) * 100;
}

function seriesOf(readings: readonly Reading[]): ResourceUse['series'] {
  return readings.slice(1).map((reading, index) => {
    const before = readings[index]!;
    const seconds = Math.max(0.001, reading.second - before.second);
    const cores = Object.entries(reading.groups).map(([group, { cpuSeconds }]) => {
      const used = cpuSeconds - (before.groups[group]?.cpuSeconds ?? cpuSeconds);
      return [group, Math.max(0, used) / seconds] as const;
    });
    const resident = Object.entries(reading.groups).map(
      ([group, { residentMiB }]) => [group, residentMiB] as const,
    );
    return {
      second: reading.second,
      cores: Object.fromEntries(cores),
      residentMiB: Object.fromEntries(resident),
    };
  });
}

function greatest(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const result: Record<string, number> = {};
  for (const record of records) {
    for (const [key, value] of Object.entries(record)) {
      result[key] = Math.max(result[key] ?? value, value);
    }
  }
  return result;
}
