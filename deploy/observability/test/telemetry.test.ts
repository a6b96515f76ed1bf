import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { services } from '@capstone/local/certificates';
import type { ServiceName } from '@capstone/local/certificates';
import { connectRedis, disconnectRedis } from '@capstone/platform/redis';
import { createLogger } from '@capstone/platform/log';
import { waitFor } from '@capstone/testing/wait-for';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root, System } from '../../local/test/system.js';
import { dashboardNames, dashboards, queriesOf } from '../src/dashboards.js';
import { exportedMetrics } from '../src/exported-metrics.js';
import { seriesBudget } from '../src/metrics-page.js';
import { traceTree } from '../src/trace-tree.js';
import { Collector } from './collector.js';
import type { CollectedSpan } from './collector.js';
import { Prometheus } from './prometheus.js';
import { preparePrometheus } from './prometheus-tools.js';

const password = `canary ${randomUUID()}`;
const email = `person-${randomUUID()}@example.com`;
const traces = { signIn: newId(), upload: newId(), forged: newId() };

/** What the journey causes, and what always fires. Whatever waits for a first sample is over after it. */
const expectedAlerts = new Set(['Watchdog', 'DeadLetters', 'DatabaseFails']);

let collector: Collector;
let system: System;
let prometheus: Prometheus;
let token: string;

beforeAll(async () => {
  await preparePrometheus();
  collector = await Collector.start();
  system = await System.start({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    TRACE_SAMPLE_PER_SECOND: '0',
    TRACE_SAMPLE_RATIO: '0',
    TRACE_RECENT_SPANS: '2000',
    // One attempt fails because its table is locked; not for the five seconds that are usual.
    DATABASE_STATEMENT_TIMEOUT_MS: '1500',
  });
  prometheus = await Prometheus.start(
    join(root, 'deploy/prometheus'),
    services.map((name) => ({
      targets: [`127.0.0.1:${system.ports.admin[name]}`],
      labels: { service: name },
    })),
  );
  await journey();
}, 240_000);

afterAll(async () => {
  await prometheus?.stop();
  await system?.stop();
  collector?.stop();
});

/** Somebody signs in, uploads and searches; one job has to be repeated, and one is given up on. */
async function journey() {
  const credentials = { email, password };
  await post('/auth/register', credentials, newId());
  const login = await post('/auth/login', credentials, traces.signIn);
  token = (login as { accessToken: string }).accessToken;

  const document = {
    title: 'Notes',
    content: '# Notes\n\nA rare word: zugzwang.',
    contentType: 'text/markdown',
  };
  const lock = await system.withQueuePaused(async () => {
    await post('/documents', document, traces.upload);
    return system.holdTable('app.document_versions', 'access exclusive');
  });
  await waitFor(
    async () =>
      /job_duration_seconds_count\{name="document.ingest",outcome="failed"\} [1-9]/.test(
        await metricsOf('worker'),
      ),
    { timeoutMs: 20_000, what: 'the first attempt to fail' },
  );
  await lock.release();
  await giveUpOnAJob();
  await waitFor(
    async () =>
      ((await post('/search', { query: 'zugzwang' }, newId())) as { items: unknown[] }).items
        .length > 0,
    { timeoutMs: 30_000, what: 'the document to be found' },
  );
}

/** A job that nothing can mend: its payload is not a payload. */
async function giveUpOnAJob() {
  const { queue } = system.infra.redis;
  const logger = createLogger({ service: 'test', level: 'silent' });
  const redis = connectRedis({
    url: queue.urlFor('admin'),
    caFile: queue.caFile,
    name: 'test',
    logger,
  });
  const documents = new Queue('documents', { connection: redis, prefix: 'capstone:bull' });
  await documents.add('document.purge', {
    payload: { not: 'a payload' },
    traceparent: sampled(traces.forged),
  });
  await documents.close();
  await disconnectRedis(redis);
}

describe('one trace', () => {
  test('goes from the request over gRPC to the SQL of auth', async () => {
    const spans = await spansOf(traces.signIn, ['api', 'auth']);
    const request = one(spans, { service: 'api', name: 'POST /api/v1/auth/login' });
    const call = child(spans, request, 'api', /^capstone\.auth\.v1\.\w+\/Login$/);
    const served = child(spans, call, 'auth', /\/Login$/);
    const statements = spans.filter(
      ({ service, attributes }) =>
        service === 'auth' && attributes['db.system.name'] === 'postgresql',
    );

    expect(request.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/api/v1/auth/login',
      'http.response.status_code': 200,
    });
    expect(served.attributes).toMatchObject({ 'rpc.system.name': 'grpc', 'rpc.status_code': 'OK' });
    expect(statements.length).toBeGreaterThan(2);
    expect(statements.every((span) => leadsTo(spans, span, served))).toBe(true);
  });

  test('goes from the request through the queue to each attempt of the worker and its SQL', async () => {
    const spans = await spansOf(traces.upload, ['api', 'worker']);
    const request = one(spans, { service: 'api', name: 'POST /api/v1/documents' });
    const sent = child(spans, request, 'api', /^send documents$/);
    const attempts = spans.filter(({ name }) => name === 'process documents');
    const statements = spans.filter(
      ({ service, attributes }) =>
        service === 'worker' && attributes['db.system.name'] === 'postgresql',
    );

    expect(sent.attributes).toMatchObject({
      'messaging.system': 'bullmq',
      'messaging.operation.name': 'document.ingest',
    });
    expect(attempts.length).toBeGreaterThanOrEqual(2);
    expect(attempts.every(({ parentSpanId }) => parentSpanId === sent.spanId)).toBe(true);
    expect(attempts.map(({ failed }) => failed)).toContain(true);
    expect(attempts.map(({ failed }) => failed)).toContain(false);
    expect(statements.length).toBeGreaterThan(3);
    expect(
      statements.every((span) => attempts.some((attempt) => leadsTo(spans, span, attempt))),
    ).toBe(true);
  });

  test('of a job that is given up on says so', async () => {
    const spans = await spansOf(traces.forged, ['worker']);
    expect(one(spans, { service: 'worker', name: 'process documents' })).toMatchObject({
      failed: true,
    });
  });

  test('has a parent for each of its spans but the first', async () => {
    for (const id of [traces.signIn, traces.upload]) {
      const spans = await spansOf(id, ['api']);
      const known = new Set(spans.map(({ spanId }) => spanId));
      const orphans = spans.filter(({ parentSpanId }) => !known.has(parentSpanId));
      expect(orphans.map(({ name }) => name)).toHaveLength(1);
    }
  });

  test('can be looked at without any backend, on the admin ports', async () => {
    const parts = await Promise.all(
      services.map(async (name) => {
        const url = `http://127.0.0.1:${system.ports.admin[name]}/traces?id=${traces.signIn}`;
        return ((await (await fetch(url)).json()) as { spans: Parameters<typeof traceTree>[0] })
          .spans;
      }),
    );
    const tree = traceTree(parts.flat());
    expect(tree).toMatch(/ api {5}POST \/api\/v1\/auth\/login\n/);
    expect(tree).toMatch(/ api {7}capstone\.auth\.v1\.\w+\/Login\n.* auth {8}capstone/);
  });
});

describe('logs', () => {
  test('have one line for each request, call and attempt, with its trace', async () => {
    expect(linesOf('api', { msg: 'request', traceId: traces.upload })).toMatchObject([
      {
        method: 'POST',
        route: '/api/v1/documents',
        status: 202,
        durationMs: expect.any(Number),
        userId: expect.any(String),
        workspaceId: expect.any(String),
      },
    ]);
    expect(linesOf('auth', { msg: 'call', traceId: traces.signIn })).toMatchObject([
      { method: expect.stringMatching(/\/Login$/), status: 'OK', peer: 'api' },
    ]);
    const outcomes = linesOf('worker', { msg: 'job', traceId: traces.upload }).map(
      ({ outcome }) => outcome,
    );
    expect(outcomes.at(0)).toBe('failed');
    expect(outcomes.at(-1)).toBe('completed');
    expect(linesOf('worker', { msg: 'job given up' })).toMatchObject([{ job: 'document.purge' }]);
  });

  test('name the trace in every line of a request', () => {
    const about = services.flatMap((name) =>
      linesOf(name, {}).filter(({ msg }) => ['request', 'call', 'job'].includes(String(msg))),
    );
    expect(about.length).toBeGreaterThan(5);
    expect(about.filter(({ traceId }) => typeof traceId !== 'string')).toEqual([]);
  });

  test('hold neither the password nor the token nor the address', () => {
    for (const name of services) {
      const log = system.log(name);
      for (const canary of [password, token, email]) expect(log.includes(canary), name).toBe(false);
    }
  });

  test('and problem documents name the same trace', async () => {
    const traceId = newId();
    const response = await send('/tasks/none', undefined, traceId);
    expect(await response.json()).toMatchObject({ status: 422, traceId });
    await waitFor(() => linesOf('api', { msg: 'request', traceId }).length === 1);
  });
});

describe('metrics', () => {
  test.each<[ServiceName, RegExp[]]>([
    [
      'api',
      [
        /^http_request_duration_seconds_bucket\{le="0\.1",route="\/api\/v1\/documents",method="POST",status="2xx"\} \d/m,
        /^grpc_client_duration_seconds_count\{method="[^"]*Login",status="OK"\} 1$/m,
        /^outbox_relayed_total\{schema="app",kind="job"\} [1-9]/m,
        /^queue_metrics_leader 1$/m,
        /^queue_jobs\{queue="documents",state="waiting"\} \d/m,
        /^api_revocation_feed_age_seconds [0-9.]+$/m,
        /^api_token_cache_lookups_total\{outcome="hit"\} [1-9]/m,
        /^api_search_duration_seconds_count\{mode="hybrid",degraded="false"\} [1-9]/m,
        /^redis_command_duration_seconds_count\{connection="api-cache"\} [1-9]/m,
        /^tls_certificate_expiry_timestamp_seconds \d{10}/m,
        /^db_pool_connections\{state="waiting"\} 0$/m,
        /^db_pool_acquire_seconds_count [1-9]/m,
      ],
    ],
    [
      'auth',
      [
        /^grpc_server_duration_seconds_count\{method="[^"]*Login",status="OK"\} 1$/m,
        /^auth_password_hash_duration_seconds_count [2-9]/m,
        /^db_query_duration_seconds_count\{statement="\w+"\} [1-9]/m,
      ],
    ],
    [
      'worker',
      [
        /^job_duration_seconds_count\{name="document\.ingest",outcome="completed"\} 1$/m,
        /^job_duration_seconds_count\{name="document\.ingest",outcome="failed"\} [1-9]/m,
        /^job_retries_total\{name="document\.ingest"\} [1-9]/m,
        /^job_dead_lettered_total\{name="document\.purge"\} 1$/m,
        /^job_wait_seconds_count\{name="document\.ingest"\} 1$/m,
        /^worker_ingestion_stage_duration_seconds_count\{stage="embed",outcome="done"\} 1$/m,
        /^worker_documents_finished_total\{status="ready"\} 1$/m,
      ],
    ],
  ])('of %s show the journey, and of Node what it costs', async (name, expected) => {
    const text = await metricsOf(name);
    const everywhere = [
      /^nodejs_eventloop_utilization [01]/m,
      /^# TYPE nodejs_gc_duration_seconds histogram$/m,
      new RegExp(`^build_info\\{service="${name}"`, 'm'),
    ];
    for (const line of [...expected, ...everywhere]) expect(text).toMatch(line);
  });

  test('stay within the budget of each of them and of the process', async () => {
    const { platform, services: own } = await exportedMetrics(root);
    for (const name of services) {
      const lines = (await metricsOf(name))
        .split('\n')
        .filter((line) => line && !line.startsWith('#'));
      expect(lines.length, name).toBeLessThan(seriesBudget);
      for (const { name: metric, type, combinations = 1 } of [...platform, ...own[name]]) {
        const start = type === 'histogram' ? `${metric}_count` : metric;
        const shown = lines.filter(
          (line) => line.startsWith(`${start}{`) || line.startsWith(`${start} `),
        );
        expect(shown.length, `${name} ${metric}`).toBeLessThanOrEqual(combinations);
      }
    }
  });
});

describe('a real Prometheus', () => {
  test('reaches every target and evaluates every rule', async () => {
    await waitFor(
      async () => {
        const targets = await prometheus.targets();
        const down = targets
          .filter(({ health }) => health !== 'up')
          .map(({ lastError }) => lastError);
        expect([down, targets.length, await prometheus.brokenRules()]).toEqual([[], 4, []]);
        return true;
      },
      { timeoutMs: 30_000, what: 'all targets up and all rules evaluated' },
    );
    expect(await prometheus.query('ALERTS{alertname="Watchdog",alertstate="firing"}')).toHaveLength(
      1,
    );
    await waitFor(noOtherAlert, { timeoutMs: 20_000, what: 'every other alert to be over' });
    const samples = await prometheus.query('scrape_samples_post_metric_relabeling{job="capstone"}');
    expect(
      samples.map(({ value }) => value).every((value) => value > 50 && value < seriesBudget),
    ).toBe(true);
  });

  test('answers every query of every dashboard', async () => {
    const queries = dashboardNames.flatMap((name) => queriesOf(dashboards[name]));
    const silent = async () => {
      const answers = await Promise.all(queries.map((query) => prometheus.query(query)));
      return queries.filter((_, place) => answers[place]?.length === 0);
    };
    // Of what has not happened yet (a refusal, a fault, a reused token) there is nothing to show.
    await waitFor(async () => (await silent()).length < queries.length / 4, {
      timeoutMs: 20_000,
      what: 'three of four panels to show something',
    });
  });

  test('leads from a latency to its trace', async () => {
    await waitFor(signInIsLinked, { timeoutMs: 20_000, what: 'an exemplar' });
  });
});

/** Nothing is wrong with a system that has just started: a rule that says so is wrong itself. */
async function noOtherAlert(): Promise<boolean> {
  const raised = await prometheus.query('count by (alertname) (ALERTS)');
  return raised.every(({ metric }) => expectedAlerts.has(metric['alertname'] ?? ''));
}

/** Whether a bucket of a latency leads to the trace of the sign-in. */
async function signInIsLinked(): Promise<boolean> {
  const ids = await prometheus.exemplarTraces('http_request_duration_seconds_bucket');
  return ids.includes(traces.signIn);
}

function newId(): string {
  return randomBytes(16).toString('hex');
}

function sampled(traceId: string): string {
  return `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
}

function send(path: string, body: object | undefined, traceId: string): Promise<Response> {
  return fetch(system.api + path, {
    method: body ? 'POST' : 'GET',
    headers: {
      traceparent: sampled(traceId),
      ...(body && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
}

async function post(path: string, body: object, traceId: string): Promise<unknown> {
  const response = await send(path, body, traceId);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
  return text ? JSON.parse(text) : undefined;
}

async function metricsOf(name: ServiceName): Promise<string> {
  return (await fetch(`http://127.0.0.1:${system.ports.admin[name]}/metrics`)).text();
}

function linesOf(name: ServiceName, wanted: Record<string, unknown>): Record<string, unknown>[] {
  return system
    .log(name)
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => Object.entries(wanted).every(([key, value]) => line[key] === value));
}

/** Waits until each of these services has sent its spans of the trace and none of them is left without its parent. */
async function spansOf(traceId: string, from: readonly ServiceName[]): Promise<CollectedSpan[]> {
  return waitFor(
    () => {
      const spans = collector.trace(traceId);
      const known = new Set(spans.map(({ spanId }) => spanId));
      const orphans = spans.filter(({ parentSpanId }) => !known.has(parentSpanId));
      const complete = from.every((name) => spans.some(({ service }) => service === name));
      return complete && orphans.length === 1 ? spans : undefined;
    },
    { timeoutMs: 30_000, what: `the spans of ${from.join(' and ')}` },
  ) as Promise<CollectedSpan[]>;
}

function one(spans: readonly CollectedSpan[], wanted: Partial<CollectedSpan>): CollectedSpan {
  const found = spans.filter(
    (span) => span.service === wanted.service && span.name === wanted.name,
  );
  expect(
    found,
    JSON.stringify(spans.map(({ service, name }) => `${service} ${name}`)),
  ).toHaveLength(1);
  return found[0]!;
}

function child(
  spans: readonly CollectedSpan[],
  parent: CollectedSpan,
  service: ServiceName,
  name: RegExp,
): CollectedSpan {
  const found = spans.find(
    (span) =>
      span.parentSpanId === parent.spanId && span.service === service && name.test(span.name),
  );
  expect(found, `${service} ${String(name)} under ${parent.name}`).toBeDefined();
  return found!;
}

function leadsTo(
  spans: readonly CollectedSpan[],
  span: CollectedSpan,
  ancestor: CollectedSpan,
): boolean {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return parent !== undefined && (parent === ancestor || leadsTo(spans, parent, ancestor));
}
