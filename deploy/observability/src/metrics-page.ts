import type { DeclaredMetric } from '@capstone/platform/metric-registry';
import { mostSeries } from './exported-metrics.js';
import type { ExportedMetrics } from './exported-metrics.js';

/** What one process may export before something is wrong with its labels. Prometheus refuses twice as much. */
export const seriesBudget = 3_000;

/** docs/metrics.md. */
export function metricsPage({ platform, services, node }: ExportedMetrics): string {
  return `# Metrics

Made from the code by \`pnpm observability\`; a test keeps it current. Every process serves these on \`/metrics\` of its admin
port, as OpenMetrics. A label has few values: route templates, statement names, codes; never an id, a URL or a text from
outside. _Most series_ is what one process may show of a metric at the very most (a histogram counts each bucket, its sum and
its count); no process may show more than ${seriesBudget} in all, which a test on the real services holds it to and
the alert \`SeriesOverBudget\` watches.

## Every service

${table(platform)}

${Object.entries(services)
  .map(([service, metrics]) => `## ${service}\n\n${table(metrics)}`)
  .join('\n\n')}

## Node

| metric | type | help |
| --- | --- | --- |
${node.map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`).join('\n')}
`;
}

function table(metrics: readonly DeclaredMetric[]): string {
  const rows = metrics.map(
    (metric) =>
      `| \`${metric.name}\` | ${metric.type} | ${labelsOf(metric)} | ${mostSeries(metric)} | ${metric.help} |`,
  );
  return [
    '| metric | type | labels | most series | help |',
    '| --- | --- | --- | --: | --- |',
    ...rows,
  ].join('\n');
}

function labelsOf({ labels = [] }: DeclaredMetric): string {
  return labels.map((label) => `\`${label}\``).join(', ');
}
