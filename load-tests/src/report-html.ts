import { escapeHtml, lineChart, type Series } from './chart.js';
import {
  costTable,
  drainTable,
  environmentRows,
  objectiveRows,
  phaseTable,
  plateauTable,
  routeTable,
} from './figures.js';
import { groupOrder } from './resource-use.js';
import { isMet, maxP95Ms } from './objectives.js';
import { definitions, page, tableHtml } from './page.js';
import { verdictTexts } from './report-text.js';
import type { Result } from './result.js';

/** The whole report as one page with charts. */
export function reportHtml(result: Result): string {
  const { profile, purpose, verdict, notes } = result;
  const tables = [plateauTable(result), phaseTable(result), routeTable(result), drainTable(result)];
  return page(`${profile} ${result.startedAt}`, [
    `<h1>${escapeHtml(profile)}</h1><p class="purpose">${escapeHtml(purpose)}</p>`,
    `<p class="verdict ${verdict}">${escapeHtml(verdictTexts[verdict])}</p>`,
    ...notes.map((note) => `<p>${escapeHtml(note)}</p>`),
    tableHtml({
      title: 'Against the milestones',
      head: ['objective', 'measured', 'limit', 'aim', ''],
      words: [0],
      rows: objectiveRows(result.objectives, isMet),
    }),
    ...charts(result),
    ...tables.filter((table) => table !== undefined).map(tableHtml),
    tableHtml(costTable(result)),
    tableHtml({
      title: 'May the figures be believed?',
      head: ['rule', 'measured', 'limit', ''],
      words: [0, 1, 2],
      rows: result.validity.map(({ rule, measured, limit, ok }) => [
        rule,
        measured,
        limit,
        answerOf(ok),
      ]),
    }),
    definitions('Environment', environmentRows(result)),
  ]);
}

function charts(result: Result): string[] {
  return [kneeChart(result), ...timeCharts(result)];
}

function kneeChart({ capacity }: Result): string {
  if (!capacity) return '';
  const plateaus = capacity.plateaus.toSorted((left, right) => left.rate - right.rate);
  const series = (['p50', 'p95', 'p99'] as const).map((name) => ({
    name,
    points: plateaus.flatMap((plateau) => {
      const value = plateau[name];
      // What comes after the break is off every scale.
      return value === undefined ? [] : [[plateau.rate, Math.min(value, 4 * maxP95Ms)] as const];
    }),
  }));
  return lineChart({
    title: 'Latency by rate',
    xUnit: 'requests a second',
    yUnit: `ms (cut at ${4 * maxP95Ms})`,
    series,
    limit: { name: 'objective for p95', y: maxP95Ms },
    marks: capacity.knee === undefined ? [] : [{ name: 'knee', x: capacity.knee }],
  });
}

function timeCharts({ run }: Result): string[] {
  const { windows, windowSeconds, phases } = run.measurement;
  const latency = (['p50', 'p95', 'p99'] as const).map((name) => ({
    name,
    points: windows.flatMap(({ startSecond, latency: values }) =>
      values ? [[startSecond, values[name]] as const] : [],
    ),
  }));
  const rates = (['answered', 'faults'] as const).map((name) => ({
    name: name === 'faults' ? 'faults' : 'answered as expected',
    points: windows.map((window) => [window.startSecond, window[name] / windowSeconds] as const),
  }));
  const marks = phases.slice(1).map(({ name, startSecond }) => ({ name, x: startSecond }));
  const xUnit = `seconds, in windows of ${windowSeconds}`;
  return [
    lineChart({ title: 'Requests', xUnit, yUnit: 'a second', series: rates, marks }),
    lineChart({ title: 'Latency', xUnit, yUnit: 'ms', series: latency, marks }),
    lineChart({
      title: 'Processor',
      xUnit: 'seconds',
      yUnit: 'cores',
      series: useSeries(run, 'cores'),
    }),
    lineChart({
      title: 'Memory',
      xUnit: 'seconds',
      yUnit: 'MiB resident',
      series: useSeries(run, 'residentMiB').filter(({ name }) => name !== 'postgres'),
    }),
  ];
}

function useSeries({ use }: Result['run'], figure: 'cores' | 'residentMiB'): Series[] {
  return use.groups.map(({ group }) => ({
    name: group,
    // The same colour in every chart and report.
    colour: groupOrder.indexOf(group),
    points: use.series.flatMap((reading) => {
      const value = reading[figure][group];
      return value === undefined ? [] : [[reading.second, value] as const];
    }),
  }));
}

function answerOf(ok: boolean | undefined): string {
  if (ok === undefined) return '?';
  return ok ? 'yes' : 'NO';
}
