import { collectDefaultMetrics } from 'prom-client';
import { gauge, onScrape, registry } from './metric-registry.js';

const buildInfo = gauge({
  name: 'build_info',
  help: 'Always 1; the labels say what runs.',
  labels: ['service', 'version', 'commit', 'node'],
});

/** Near 1 the process is at the end of what one core gives, whatever its CPU share says. */
const eventLoopUtilization = gauge({
  name: 'nodejs_eventloop_utilization',
  help: 'Share of the time since the last scrape that the event loop was busy, 0 to 1.',
});

let started = false;

/** Adds what Node itself can tell (CPU, memory, GC, event loop delay and use) and build_info. Once per process. */
export function startProcessMetrics(build: {
  service: string;
  version: string;
  commit: string | undefined;
}): void {
  const { service, version, commit } = build;
  const known = commit === undefined ? {} : { commit };
  buildInfo.set({ service, version, node: process.version, ...known }, 1);
  if (started) return;
  started = true;
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 10 });

  let last = performance.eventLoopUtilization();
  onScrape(() => {
    const now = performance.eventLoopUtilization();
    eventLoopUtilization.set(performance.eventLoopUtilization(now, last).utilization);
    last = now;
  });
}
