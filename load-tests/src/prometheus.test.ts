import { expect, test } from 'vitest';
import { parseMetrics, valueOf } from './prometheus.js';

const text = `# HELP build_info Always 1; the labels say what runs.
# TYPE build_info gauge
build_info{service="api",version="0.1.0",note="a \\"quoted\\" word, and a comma"} 1
process_cpu_seconds_total 12.5 1700000000
http_request_duration_seconds_bucket{le="+Inf",route="/api/v1/tasks/:id"} 3
not a metric at all?

`;

test('reads names, labels and values, and skips what is none', () => {
  const samples = parseMetrics(text);

  expect(samples).toHaveLength(3);
  expect(samples[0]!.labels).toEqual({
    service: 'api',
    version: '0.1.0',
    note: 'a "quoted" word, and a comma',
  });
  expect(samples[2]!.labels).toEqual({ le: '+Inf', route: '/api/v1/tasks/:id' });
  expect(valueOf(samples, 'process_cpu_seconds_total')).toBe(12.5);
  expect(valueOf(samples, 'absent')).toBeUndefined();
});

test('an exemplar behind a value is no label of it', () => {
  const line = 'x_bucket{le="0.1",route="/a/{b}"} 5 # {trace_id="4bf9"} 0.05 1700000000.1\n';
  expect(parseMetrics(line)).toEqual([
    { name: 'x_bucket', labels: { le: '0.1', route: '/a/{b}' }, value: 5 },
  ]);
});
