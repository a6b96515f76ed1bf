import type { ChildProcess } from 'node:child_process';
import { canSeeProcesses, readMachine, readProcesses, readUse, services } from './processes.js';
import { summarize, type Reading, type ResourceUse } from './resource-use.js';
import { readServices } from './service-metrics.js';

const everyMs = 2_000;

/** Watches the machine, the system under test and k6 while a run lasts. */
export class ResourceWatch {
  private readonly readings: Reading[] = [];
  private readonly startMs = performance.now();
  private readonly timer: NodeJS.Timeout;
  private reading: Promise<void>;
  private largestServiceMiB: number | undefined;

  constructor(
    private readonly root: string,
    private readonly adminUrls: Readonly<Record<string, string>>,
    private readonly k6: ChildProcess | undefined,
  ) {
    this.reading = this.read();
    this.timer = setInterval(() => void (this.reading = this.read()), everyMs);
  }

  /** Call while k6 still runs or just after: what a process used is gone with it. */
  async stop(): Promise<ResourceUse> {
    clearInterval(this.timer);
    await this.reading;
    return summarize(this.readings, this.largestServiceMiB);
  }

  private async read(): Promise<void> {
    const second = (performance.now() - this.startMs) / 1000;
    const processes = canSeeProcesses ? readProcesses(this.root) : [];
    const states = await readServices(this.adminUrls);
    const groups: Record<string, { cpuSeconds: number; residentMiB: number; processes: number }> =
      {};
    const add = (group: string, cpuSeconds: number, residentMiB: number) => {
      const sum = (groups[group] ??= { cpuSeconds: 0, residentMiB: 0, processes: 0 });
      sum.cpuSeconds += cpuSeconds;
      sum.residentMiB += residentMiB;
      sum.processes += 1;
    };
    for (const { group, cpuSeconds, residentMiB } of processes) add(group, cpuSeconds, residentMiB);
    for (const { service, cpuSeconds, residentMiB } of states) {
      if (!(service in groups) && cpuSeconds !== undefined)
        add(service, cpuSeconds, residentMiB ?? 0);
    }
    const generator = canSeeProcesses && this.k6?.pid ? readUse(this.k6.pid) : undefined;
    // One that has just ended holds nothing any more and is not yet gone.
    if (generator && generator.residentMiB > 0)
      add('k6', generator.cpuSeconds, generator.residentMiB);
    const sizes = processes
      .filter(({ group }) => services.some((name) => name === group))
      .map((use) => use.residentMiB);
    const reported = states.flatMap((state) => state.residentMiB ?? []);
    const largest = Math.max(...(sizes.length > 0 ? sizes : reported));
    if (Number.isFinite(largest)) this.largestServiceMiB = largest;
    this.readings.push({
      second,
      machine: canSeeProcesses ? readMachine() : undefined,
      groups,
      eventLoopDelayP99Ms: Object.fromEntries(
        states.flatMap(({ service, eventLoopDelayP99Ms }) =>
          eventLoopDelayP99Ms === undefined ? [] : [[service, eventLoopDelayP99Ms]],
        ),
      ),
    });
  }
}
