import { alerts } from './alerts.js';
import type { Alert } from './alerts.js';
import { slos, windows } from './slos.js';
import type { Slo, Window } from './slos.js';

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Where the dashboards and runbooks are; `external_url` of Prometheus and Grafana make links of them. */
const runbooks = 'https://github.com/capstone/capstone/blob/main/docs/runbooks';

const seconds = { '1h': 3_600, '1d': 86_400 } as const;

/** The recording rules of the objectives: share of bad events by window, the objective itself, events by window. */
export const recordingRules: readonly RecordingRule[] = slos.flatMap((slo) => {
  const labels = { journey: slo.journey, sli: slo.sli };
  return [
    { record: 'slo:objective', expr: `vector(${slo.objective})`, labels },
    ...windows.map((window) => ({
      record: `slo:bad_ratio:rate${window}`,
      expr: ratio(slo, window),
      labels,
    })),
    ...(['1h', '1d'] as const).map((window) => ({
      record: `slo:events:increase${window}`,
      expr: `(${within(slo.all, window)}) * ${seconds[window]}`,
      labels,
    })),
  ];
});

/** No events are no bad ones: without the `or` a quiet hour would have no value, and its alert no end. */
function ratio({ bad, all }: Slo, window: Window): string {
  return `(((${within(bad, window)}) or vector(0)) / (${within(all, window)} > 0)) or vector(0)`;
}

function within(expression: string, window: Window): string {
  return expression.replaceAll('%w', window);
}

/** deploy/prometheus/rules/objectives.yml. */
export function objectivesFile(): string {
  const groups = Map.groupBy(
    recordingRules,
    ({ labels }) => `${labels['journey']}-${labels['sli']}`,
  );
  const blocks = [...groups].map(([name, rules]) => {
    const slo = slos.find((one) => `${one.journey}-${one.sli}` === name)!;
    return [
      `  # ${slo.says}`,
      `  - name: ${name}`,
      '    rules:',
      ...rules.flatMap(recordLines),
    ].join('\n');
  });
  return `${made}\ngroups:\n${blocks.join('\n\n')}\n`;
}

/** deploy/prometheus/rules/alerts.yml. */
export function alertsFile(): string {
  const groups = Map.groupBy(alerts, ({ group }) => group);
  const blocks = [...groups].map(([name, members]) =>
    [`  - name: ${name}`, '    rules:', ...members.flatMap(alertLines)].join('\n'),
  );
  return `${made}\ngroups:\n${blocks.join('\n\n')}\n`;
}

const made = '# Made by `pnpm observability` from deploy/observability/src: change it there.';

function recordLines({ record, expr, labels }: RecordingRule): string[] {
  return [
    `      - record: ${record}`,
    `        expr: ${JSON.stringify(expr)}`,
    `        labels: { ${Object.entries(labels)
      .map(([name, value]) => `${name}: ${value}`)
      .join(', ')} }`,
  ];
}

function alertLines(alert: Alert): string[] {
  return [
    `      - alert: ${alert.name}`,
    `        expr: |-`,
    ...alert.expr.split('\n').map((line) => `          ${line.trimEnd()}`),
    ...(alert.for ? [`        for: ${alert.for}`] : []),
    `        labels: { severity: ${alert.severity} }`,
    '        annotations:',
    `          summary: ${JSON.stringify(alert.summary)}`,
    `          runbook_url: ${runbooks}/${runbookOf(alert)}`,
    `          dashboard: /d/capstone-${alert.dashboard}`,
  ];
}

/** The file of an alert under docs/runbooks. */
export function runbookOf({ name }: Pick<Alert, 'name'>): string {
  return `${name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.md`;
}
