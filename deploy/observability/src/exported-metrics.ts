import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { services } from '@capstone/local/certificates';
import type { ServiceName } from '@capstone/local/certificates';
import { declaredMetrics, registry } from '@capstone/platform/metric-registry';
import type { DeclaredMetric } from '@capstone/platform/metric-registry';
import '@capstone/platform/metrics';
import { startProcessMetrics } from '@capstone/platform/process-metrics';

/** Who exports what: the platform in each process, each service besides, and Node. */
export interface ExportedMetrics {
  readonly platform: readonly DeclaredMetric[];
  readonly services: Readonly<Record<ServiceName, readonly DeclaredMetric[]>>;
  readonly node: readonly { name: string; help: string; type: string }[];
}

/** Asks the code itself: loads the compiled metrics of the platform and of each service. */
export async function exportedMetrics(root: string): Promise<ExportedMetrics> {
  const platform = declaredMetrics();
  const seen = new Set(platform.map(({ name }) => name));
  const own: Partial<Record<ServiceName, readonly DeclaredMetric[]>> = {};
  for (const service of services) {
    await import(pathToFileURL(join(root, 'services', service, 'dist', 'metrics.js')).href);
    own[service] = declaredMetrics().filter(({ name }) => !seen.has(name));
    for (const { name } of own[service]) seen.add(name);
  }
  startProcessMetrics({ service: 'observability', version: '0.0.0', commit: undefined });
  const node = registry
    .getMetricsAsArray()
    .filter(({ name }) => !seen.has(name))
    .map(({ name, help, type }) => ({ name, help, type: String(type) }));
  return { platform, services: own as ExportedMetrics['services'], node };
}

/** How many series one process may have of a metric: a histogram has its buckets, the last one, a sum and a count. */
export function mostSeries({ combinations = 1, buckets }: DeclaredMetric): number {
  return combinations * (buckets ? buckets.length + 3 : 1);
}

/** The names of all series, as a query writes them. */
export function seriesNames({ platform, services: own, node }: ExportedMetrics): Set<string> {
  const declared = [platform, ...Object.values(own)].flat();
  return new Set([
    ...declared.flatMap(({ name, type }) => namesOf(name, type)),
    ...node.flatMap(({ name, type }) => namesOf(name, type)),
  ]);
}

function namesOf(name: string, type: string): string[] {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}
