import { describe, expect, test } from 'vitest';
import { examplePhase, exampleMeasurement, exampleResult } from '../test/example-result.js';
import { lineChart, ticks } from './chart.js';
import { reportHtml } from './report-html.js';
import { reportText } from './report-text.js';
import { resultName, verdictOf } from './result.js';

const broken = { rule: 'iterations dropped', measured: '2 %', limit: 'at most 0.1 %', ok: false };
const missed = { name: 'p95', measured: 120, unit: 'ms', limit: { atMost: 100 } };

describe('the verdict', () => {
  test('is invalid before it is anything else', () => {
    expect(verdictOf([broken], [missed])).toBe('invalid');
    expect(verdictOf([{ ...broken, ok: true }], [missed])).toBe('fail');
    expect(verdictOf([{ ...broken, ok: undefined }], [{ ...missed, measured: 99 }])).toBe('pass');
  });
});

describe('a report', () => {
  test('in text shows objectives, routes and where it was measured', () => {
    const text = reportText(exampleResult());

    expect(text).toMatch(/p95 +12 ms +at most 100 ms +25 ms +met/);
    expect(text).toMatch(/GET \/tasks\/\{id\} +3\.0 +12\.0 +30\.0 +80\.0 +10,000 +0/);
    expect(text).toContain('A processor, 2 cores, 16 GiB');
    expect(text).toMatch(/PASS: every objective was met$/);
  });

  test('says why a run is invalid and what k6 complained of', () => {
    const result = exampleResult({ verdict: 'invalid', validity: [broken], notes: ['Mind this.'] });
    const text = reportText({ ...result, run: { ...result.run, complaints: ['GET /tasks: 500'] } });

    expect(text).toContain('invalid: iterations dropped 2 %, at most 0.1 %');
    expect(text).toContain('note: Mind this.');
    expect(text).toContain('k6: GET /tasks: 500');
  });

  test('as a page needs nothing from outside and lets no text become markup', () => {
    const html = reportHtml(exampleResult({ notes: ['<script>alert(1)</script>'] }));

    expect(html).toContain('<svg');
    expect(html).toContain('&lt;script&gt;');
    expect(html).not.toMatch(/<script|https?:\/\/(?!localhost)|src=|@import/);
  });

  test('of a capacity run shows each plateau and the knee', () => {
    const plateau = { p50: 3, p99: 40, errorShare: 0, onlyGenerator: false };
    const capacity = {
      knee: 2000,
      plateaus: [
        { ...plateau, rate: 2000, held: true, reasons: [], answeredPerSecond: 1999, p95: 20 },
        {
          ...plateau,
          rate: 2500,
          held: false,
          reasons: ['p95 400 ms'],
          answeredPerSecond: 2300,
          p95: 400,
        },
      ],
    };
    const result = exampleResult({ profile: 'capacity', capacity });

    expect(reportText(result)).toMatch(/2,500 +2,300 .* no +p95 400 ms/);
    expect(reportHtml(result)).toContain('>knee<');
  });

  test('names the phase where a route has several', () => {
    const route = { route: 'GET /tasks', answered: 1, faults: 0, latency: undefined };
    const measurement = exampleMeasurement({
      phases: [examplePhase({ name: 'before' }), examplePhase({ name: 'after' })],
      routes: [
        { ...route, phase: 'before' },
        { ...route, phase: 'after' },
      ],
    });
    const result = exampleResult();

    expect(reportText({ ...result, run: { ...result.run, measurement } })).toContain(
      'after: GET /tasks',
    );
  });
});

describe('the name of a result', () => {
  test('sorts by time and says when the tree was not clean', () => {
    const clean = exampleResult();
    const dirty = exampleResult({ environment: { ...clean.environment, dirty: true } });

    expect(resultName(clean)).toBe('2026-11-21-1405-9fb60d8-milestone');
    expect(resultName(dirty)).toBe('2026-11-21-1405-9fb60d8-dirty-milestone');
  });
});

describe('a chart', () => {
  test.each([
    [97, [0, 20, 40, 60, 80, 100]],
    [0.23, [0, 0.05, 0.1, 0.15, 0.2, 0.25]],
    [0, [0, 1]],
  ])('has round ticks up to %d', (most, expected) => {
    expect(ticks(most)).toEqual(expected);
  });

  test('without points is nothing', () => {
    expect(
      lineChart({ title: 'a', xUnit: 's', yUnit: 'ms', series: [{ name: 'p95', points: [] }] }),
    ).toBe('');
  });

  test('keeps its points inside', () => {
    const svg = lineChart({
      title: 'Latency',
      xUnit: 's',
      yUnit: 'ms',
      series: [
        {
          name: 'p95',
          points: [
            [0, 0],
            [10, 50],
          ],
        },
      ],
      limit: { name: 'objective', y: 100 },
    });
    const numbers = [...svg.matchAll(/points="([^"]+)"/g)].flatMap(([, points]) =>
      points!.split(/[ ,]/).map(Number),
    );

    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThanOrEqual(720);
  });
});
