import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { alerts } from '../src/alerts.js';
import type { Alert, AlertTrial } from '../src/alerts.js';
import { dashboardNames, dashboards, queriesOf } from '../src/dashboards.js';
import { exportedMetrics, seriesNames } from '../src/exported-metrics.js';
import { generatedFiles } from '../src/generated-files.js';
import { seriesIn } from '../src/promql.js';
import { recordingRules, runbookOf } from '../src/rules.js';
import { trialOf } from './alert-trials.js';
import { amtool, preparePrometheus, promtool } from './prometheus-tools.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const alertRules = join(root, 'deploy/prometheus/rules/alerts.yml');
const alertmanager = join(root, 'deploy/alertmanager/alertmanager.yml');
const rules = [alertRules, join(root, 'deploy/prometheus/rules/objectives.yml')];
// One journey is enough for a trial; all of them with windows of days take half a minute.
const tasksRules = recordingRules.filter(({ labels }) => labels['journey'] === 'tasks');
const tried = alerts.filter((alert): alert is Alert & { trial: AlertTrial } => !!alert.trial);

/** What Prometheus itself adds to every target and alert. */
const builtIn = ['up', 'ALERTS', 'scrape_samples_post_metric_relabeling'];

beforeAll(preparePrometheus, 180_000);

describe('what is generated', () => {
  test('is what is committed', async () => {
    for (const [path, content] of Object.entries(await generatedFiles(root))) {
      expect(readFileSync(join(root, path), 'utf8'), `${path}: run pnpm observability`).toBe(
        content,
      );
    }
  });
});

describe('rules', () => {
  test('are taken by promtool', async () => {
    const { ok, output } = await promtool(['check', 'rules', '--lint-fatal', ...rules]);
    expect(ok, output).toBe(true);
  });

  test.each(tried)('$name fires, resolves, and a blip passes it by', async (alert) => {
    const needed = alert.group === 'objectives' ? [alertRules, 'objectives.yml'] : [alertRules];
    const { ok, output } = await promtool(['test', 'rules', 'trial.yml'], {
      'trial.yml': JSON.stringify(trialOf(alert, needed)),
      'objectives.yml': JSON.stringify({ groups: [{ name: 'tasks', rules: tasksRules }] }),
    });
    expect(ok, output).toBe(true);
  });

  test('every alert but the one that always fires is tried', () => {
    const untried = alerts.filter(({ trial }) => !trial);
    expect(untried.map(({ name, expr }) => [name, expr])).toEqual([['Watchdog', 'vector(1)']]);
  });

  test.each(alerts)('$name says what to do', (alert) => {
    const path = join(root, 'docs/runbooks', runbookOf(alert));
    expect(existsSync(path), path).toBe(true);
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(new RegExp(`^# ${alert.name}\\n`));
    for (const heading of ['What it means', 'What to look at', 'What to do']) {
      expect(text, path).toContain(`## ${heading}\n`);
    }
    expect(dashboardNames).toContain(alert.dashboard);
  });
});

describe('configuration', () => {
  test('of Prometheus is taken by promtool', async () => {
    const file = join(root, 'deploy/prometheus/prometheus.yml');
    const { ok, output } = await promtool(['check', 'config', file]);
    expect(ok, output).toBe(true);
  });

  test('of Alertmanager is taken by amtool', async () => {
    const { ok, output } = await amtool(['check-config', alertmanager]);
    expect(ok, output).toBe(true);
  });

  test.each([
    ['page', 'page'],
    ['ticket', 'ticket'],
    ['none', 'watchdog'],
  ] as const)('sends the severity %s to %s', async (severity, receiver) => {
    const { name } = alerts.find((alert) => alert.severity === severity)!;
    const labels = [`alertname=${name}`, `severity=${severity}`];
    const command = ['config', 'routes', 'test', `--config.file=${alertmanager}`];
    const { ok, output } = await amtool([...command, `--verify.receivers=${receiver}`, ...labels]);
    expect(ok, output).toBe(true);
  });
});

describe('queries', () => {
  test.each(dashboardNames)('of the dashboard %s parse', async (name) => {
    const groups = queriesOf(dashboards[name]).map((expr, place) => ({
      record: `query:${place}`,
      expr,
    }));
    const file = JSON.stringify({ groups: [{ name, rules: groups }] });
    const { ok, output } = await promtool(['check', 'rules', 'queries.yml'], {
      'queries.yml': file,
    });
    expect(ok, output).toBe(true);
  });

  test('and rules name only what is exported', async () => {
    const known = new Set([
      ...seriesNames(await exportedMetrics(root)),
      ...recordingRules.map(({ record }) => record),
      ...builtIn,
    ]);
    const expressions = [
      ...dashboardNames.flatMap((name) => queriesOf(dashboards[name])),
      ...recordingRules.map(({ expr }) => expr),
      ...alerts.map(({ expr }) => expr),
    ];
    const unknown = expressions.flatMap(seriesIn).filter((series) => !known.has(series));
    expect([...new Set(unknown)]).toEqual([]);
  });
});
