import {
  costTable,
  drainTable,
  environmentRows,
  objectiveRows,
  phaseTable,
  plateauTable,
  routeTable,
  type Table,
} from './figures.js';
import { isMet } from './objectives.js';
import type { Result, Verdict } from './result.js';

export const verdictTexts: Readonly<Record<Verdict, string>> = {
  pass: 'PASS: every objective was met',
  fail: 'FAIL: an objective was missed',
  invalid: 'INVALID: this run says nothing about the system',
};

/** The report for a terminal. */
export function reportText(result: Result): string {
  const { profile, verdict, notes, run, validity } = result;
  const tables = [
    plateauTable(result),
    phaseTable(result),
    routeTable(result),
    drainTable(result),
    costTable(result),
  ].filter((table) => table !== undefined);
  const broken = validity.filter(({ ok }) => ok === false);
  const unknown = validity.filter(({ ok }) => ok === undefined);
  return [
    [
      `${profile}: ${result.purpose}`,
      ...environmentRows(result).map(([name, value]) => `  ${name.padEnd(10)} ${value}`),
    ].join('\n'),
    ...tables.map(tableText),
    tableText({
      title: 'Against the milestones',
      head: ['objective', 'measured', 'limit', 'aim', ''],
      words: [0, 1, 2, 3, 4],
      rows: objectiveRows(result.objectives, isMet),
    }),
    [
      ...broken.map(({ rule, measured, limit }) => `  invalid: ${rule} ${measured}, ${limit}`),
      ...unknown.map(({ rule }) => `  not measured: ${rule}`),
      ...notes.map((note) => `  note: ${note}`),
      ...(broken.length > 0 || verdict === 'fail' ? run.complaints : []).map(
        (complaint) => `  k6: ${complaint}`,
      ),
      verdictTexts[verdict],
    ].join('\n'),
  ].join('\n\n');
}

export function tableText({ title, head, rows, words }: Table): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        words.includes(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join('  ')
      .trimEnd();
  return [title, ...[head, ...rows].map((cells) => `  ${line(cells)}`)].join('\n');
}
