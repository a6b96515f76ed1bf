import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { dashboardFile } from './grafana.js';
import { dashboardNames, dashboards } from './dashboards.js';
import { exportedMetrics } from './exported-metrics.js';
import { metricsPage } from './metrics-page.js';
import { alertsFile, objectivesFile } from './rules.js';

/** Everything that is made and committed, by its path in the repository. */
export async function generatedFiles(root: string): Promise<Record<string, string>> {
  const files = {
    'docs/metrics.md': metricsPage(await exportedMetrics(root)),
    'deploy/prometheus/rules/objectives.yml': objectivesFile(),
    'deploy/prometheus/rules/alerts.yml': alertsFile(),
    ...Object.fromEntries(
      dashboardNames.map((name) => [
        `deploy/grafana/dashboards/${name}.json`,
        dashboardFile(dashboards[name]),
      ]),
    ),
  };
  const formatted = Object.entries(files).map(async ([path, content]) => {
    const filepath = join(root, path);
    return [path, await format(content, { ...(await resolveConfig(filepath)), filepath })] as const;
  });
  return Object.fromEntries(await Promise.all(formatted));
}
