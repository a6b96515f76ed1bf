import { randomBytes, randomUUID } from 'node:crypto';
import { ProblemDocument } from '@capstone/contracts/problem-document';
import { parseMetrics } from '../prometheus.js';
import { check, type Probe, type World } from './probe.js';

/** Full observability: milestone 3. */
export const observabilityProbes: readonly Probe[] = [
  {
    milestone: 3,
    item: 'Each service says whether it lives and whether it is ready',
    proof: ['packages/platform/test/bootstrap.test.ts'],
    async run(world) {
      const names = adminOf(world);
      for (const [name, url] of names) {
        for (const path of ['/livez', '/readyz']) {
          const response = await fetch(url + path, { signal: AbortSignal.timeout(5_000) });
          check(response.ok, `${name}${path} answered ${response.status}`);
        }
      }
      return names.map(([name]) => name).join(', ');
    },
  },
  {
    milestone: 3,
    item: 'Each request, call, job and query is counted and timed',
    proof: ['packages/platform/src/metrics.ts', 'packages/platform/test/http.test.ts'],
    async run(world) {
      const { api, auth, worker } = Object.fromEntries(
        await Promise.all(
          adminOf(world).map(async ([name, url]) => [name, await metricsOf(url)] as const),
        ),
      );
      const wanted = [
        ['api', api, 'http_request_duration_seconds_count'],
        ['api', api, 'db_query_duration_seconds_count'],
        ['auth', auth, 'grpc_server_duration_seconds_count'],
        ['worker', worker, 'job_duration_seconds_count'],
      ] as const;
      const missing = wanted.filter(([, metrics, name]) => !metrics?.has(name));
      check(
        missing.length === 0,
        `missing: ${missing.map(([service, , name]) => `${service} ${name}`).join(', ')}`,
      );
      return `${wanted.length} of ${wanted.length} families with values`;
    },
  },
  {
    milestone: 3,
    item: 'A trace that comes in is carried on, and errors name it',
    proof: ['packages/platform/test/tracing.test.ts', 'docs/adr/0006-tracing-by-hand.md'],
    async run({ ada }) {
      const traceId = randomBytes(16).toString('hex');
      const traceparent = `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
      const path = `/tasks/${randomUUID()}`;
      const { json } = await ada.expect(404, 'GET', path, { headers: { traceparent } });
      const problem = ProblemDocument.parse(json);
      check(problem.traceId === traceId, `the problem says trace ${problem.traceId ?? 'nothing'}`);
      return 'the problem document carries the trace id that was sent';
    },
  },
  {
    milestone: 3,
    item: 'What happens is announced as it happens (server-sent events)',
    proof: ['services/api/test/events.test.ts'],
    async run({ api, ada }) {
      const stop = new AbortController();
      const limit = setTimeout(() => stop.abort(), 5_000);
      try {
        const response = await fetch(`${api.apiUrl}/events`, {
          headers: { authorization: `Bearer ${ada.token}`, accept: 'text/event-stream' },
          signal: stop.signal,
        });
        check(response.ok && response.body !== null, `GET /events answered ${response.status}`);
        const startMs = performance.now();
        await ada.expect(201, 'POST', '/tasks', { body: { title: 'Announced' } });
        let text = '';
        for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
          text += part;
          if (text.includes('event: task.created')) break;
        }
        check(text.includes('event: task.created'), 'no task.created within 5 s');
        return `task.created after ${Math.round(performance.now() - startMs)} ms`;
      } finally {
        clearTimeout(limit);
        stop.abort();
      }
    },
  },
];

function adminOf({ adminUrls }: World): [string, string][] {
  const entries = Object.entries(adminUrls);
  check(entries.length > 0, 'say where the admin ports are with --admin');
  return entries;
}

/** The names of the metrics that have counted something. */
async function metricsOf(url: string): Promise<Set<string>> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) });
  const samples = parseMetrics(await response.text());
  return new Set(samples.filter(({ value }) => value > 0).map(({ name }) => name));
}
