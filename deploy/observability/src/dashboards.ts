import type { Dashboard, Panel, Query } from './grafana.js';

export const dashboardNames = [
  'overview',
  'services',
  'queues',
  'data',
  'security',
  'load',
] as const;
export type DashboardName = (typeof dashboardNames)[number];

/** What the system promises; drawn as lines and, under load, judged by load-tests. */
const milestones = { requestsPerSecond: 1_000, p95Seconds: 0.1, eventLoopSeconds: 0.05 };

const requests = 'http_request_duration_seconds';
const rate = '$__rate_interval';

/** Quantiles of a histogram over all processes, by `labels` besides. */
function quantiles(histogram: string, { where = '', by = '' } = {}): Query[] {
  const sum = `sum by (le${by && `, ${by}`}) (rate(${histogram}_bucket${where && `{${where}}`}[${rate}]))`;
  const legend = by ? ` {{${by}}}` : '';
  return ['0.5', '0.95', '0.99'].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, ${sum})`,
    legend: `p${Number(quantile) * 100}${legend}`,
    exemplars: true,
  }));
}

function p95(histogram: string, by: string, where = ''): Query {
  const sum = `sum by (le, ${by}) (rate(${histogram}_bucket${where && `{${where}}`}[${rate}]))`;
  return { expr: `histogram_quantile(0.95, ${sum})`, legend: legendOf(by), exemplars: true };
}

function perSecond(counter: string, by: string, where = ''): Query {
  const expr = `sum by (${by}) (rate(${counter}${where && `{${where}}`}[${rate}]))`;
  return { expr, legend: legendOf(by) };
}

function legendOf(by: string): string {
  return by
    .split(', ')
    .map((label) => `{{${label}}}`)
    .join(' ');
}

const throughput: Panel = {
  title: 'Requests a second',
  says: 'The red line is the milestone: 1000 a second.',
  unit: 'reqps',
  line: milestones.requestsPerSecond,
  queries: [
    { expr: `sum(rate(${requests}_count[${rate}]))`, legend: 'all' },
    perSecond(`${requests}_count`, 'status'),
  ],
};

const latency: Panel = {
  title: 'Latency',
  says: 'The red line is the milestone: p95 under 100 ms. Dots lead to traces.',
  unit: 's',
  line: milestones.p95Seconds,
  queries: quantiles(requests),
};

const failures: Panel = {
  title: 'Share of requests that fail',
  says: 'The red line is the objective: 0.1 %.',
  unit: 'percentunit',
  line: 0.001,
  queries: [
    {
      expr: `(sum(rate(${requests}_count{status="5xx"}[${rate}])) or vector(0)) / sum(rate(${requests}_count[${rate}]))`,
      legend: '5xx',
    },
  ],
};

const loop: Panel = {
  title: 'Event loop delay, p99',
  says: 'The red line is the milestone: 50 ms.',
  unit: 's',
  line: milestones.eventLoopSeconds,
  queries: [{ expr: 'max by (service) (nodejs_eventloop_lag_p99_seconds)', legend: '{{service}}' }],
};

const cpu: Panel = {
  title: 'Processor',
  says: 'In cores.',
  unit: 'short',
  queries: [perSecond('process_cpu_seconds_total', 'service', 'job="capstone"')],
};

const overview: Dashboard = {
  name: 'overview',
  title: 'overview',
  says: 'Is it well? The promises, the way to each, and what stands in it.',
  rows: [
    { title: 'The milestones', panels: [throughput, latency, failures] },
    {
      title: 'Objectives',
      panels: [
        {
          title: 'Error budget burnt, last hour',
          says: '1 uses up the budget of 30 days in 30 days. 14.4 wakes somebody.',
          unit: 'short',
          line: 14.4,
          width: 12,
          queries: [
            {
              expr: 'slo:bad_ratio:rate1h / on (journey, sli) (1 - slo:objective)',
              legend: '{{journey}} {{sli}}',
            },
          ],
        },
        {
          title: 'Error budget burnt, last three days',
          unit: 'short',
          line: 1,
          width: 12,
          queries: [
            {
              expr: 'slo:bad_ratio:rate3d / on (journey, sli) (1 - slo:objective)',
              legend: '{{journey}} {{sli}}',
            },
          ],
        },
      ],
    },
    {
      title: 'What stands in the way',
      panels: [
        {
          title: 'Alerts',
          unit: 'short',
          kind: 'stat',
          queries: [
            {
              expr: 'sum by (alertname) (ALERTS{alertstate="firing",alertname!="Watchdog"})',
              legend: '{{alertname}}',
            },
          ],
        },
        {
          title: 'In flight and turned away',
          unit: 'short',
          queries: [
            { expr: 'sum by (service) (http_requests_in_flight)', legend: 'in flight {{service}}' },
            perSecond('http_requests_shed_total', 'reason'),
          ],
        },
        {
          title: 'What runs',
          unit: 'short',
          kind: 'stat',
          queries: [
            { expr: 'count by (service, version) (build_info)', legend: '{{service}} {{version}}' },
          ],
        },
      ],
    },
  ],
};

const one = 'service=~"$service"';
const services: Dashboard = {
  name: 'services',
  title: 'a service',
  says: 'One service from outside (requests, calls) and from inside (loop, memory, statements).',
  byService: true,
  rows: [
    {
      title: 'Requests',
      panels: [
        {
          title: 'Requests a second by route',
          unit: 'reqps',
          queries: [perSecond(`${requests}_count`, 'method, route', one)],
        },
        { title: 'p95 by route', unit: 's', line: 0.1, queries: [p95(requests, 'route', one)] },
        {
          title: 'Problems answered',
          unit: 'ops',
          queries: [perSecond('problems_total', 'door, code', one)],
        },
      ],
    },
    {
      title: 'Calls between services',
      panels: [
        {
          title: 'Calls served a second',
          unit: 'ops',
          queries: [perSecond('grpc_server_duration_seconds_count', 'method, status', one)],
        },
        {
          title: 'p95 where they are served',
          unit: 's',
          queries: [p95('grpc_server_duration_seconds', 'method', one)],
        },
        {
          title: 'p95 where they are made',
          unit: 's',
          queries: [p95('grpc_client_duration_seconds', 'method', one)],
        },
      ],
    },
    {
      title: 'Inside',
      panels: [
        {
          title: 'Event loop in use',
          unit: 'percentunit',
          line: 0.9,
          queries: [
            {
              expr: `max by (instance) (nodejs_eventloop_utilization{${one}})`,
              legend: '{{instance}}',
            },
          ],
        },
        loop,
        {
          title: 'Garbage collection',
          says: 'Seconds a second.',
          unit: 'percentunit',
          queries: [perSecond('nodejs_gc_duration_seconds_sum', 'kind', one)],
        },
        {
          title: 'Memory',
          unit: 'bytes',
          queries: [
            {
              expr: `sum by (service) (process_resident_memory_bytes{${one}})`,
              legend: 'resident {{service}}',
            },
            {
              expr: `sum by (service) (nodejs_heap_size_used_bytes{${one}})`,
              legend: 'heap {{service}}',
            },
          ],
        },
        cpu,
        {
          title: 'Search p95 by mode',
          unit: 's',
          line: 0.1,
          queries: [p95('api_search_duration_seconds', 'mode')],
        },
        {
          title: 'Answers p95 by provider',
          unit: 's',
          queries: [p95('api_ask_duration_seconds', 'provider, outcome')],
        },
        {
          title: 'Answers, tokens paid for, claims dropped',
          unit: 'ops',
          queries: [
            perSecond('api_ask_duration_seconds_count', 'outcome'),
            perSecond('api_ask_tokens_total', 'direction'),
            perSecond('api_ask_citations_dropped_total', 'reason'),
          ],
        },
        {
          title: 'Tokens remembered, hits a second',
          unit: 'short',
          queries: [
            { expr: 'sum(api_token_cache_entries)', legend: 'remembered' },
            perSecond('api_token_cache_lookups_total', 'outcome'),
            perSecond('api_tokens_verified_total', 'outcome'),
          ],
        },
        {
          title: 'Spans to the collector',
          unit: 'ops',
          queries: [perSecond('trace_spans_exported_total', 'service, outcome')],
        },
        {
          title: 'Series of a process',
          unit: 'short',
          line: 3_000,
          queries: [
            {
              expr: `max by (service) (scrape_samples_post_metric_relabeling{job="capstone",${one}})`,
              legend: '{{service}}',
            },
          ],
        },
      ],
    },
  ],
};

const queues: Dashboard = {
  name: 'queues',
  title: 'queues and ingestion',
  says: 'From the commit to the document that can be found.',
  rows: [
    {
      title: 'The way in',
      panels: [
        {
          title: 'Outbox: age of the oldest row',
          unit: 's',
          line: 30,
          queries: [{ expr: 'max by (schema) (outbox_lag_seconds)', legend: '{{schema}}' }],
        },
        {
          title: 'Outbox: rows handed on',
          unit: 'ops',
          queries: [perSecond('outbox_relayed_total', 'schema, kind')],
        },
        {
          title: 'Outbox: rows held back',
          unit: 'short',
          queries: [{ expr: 'max by (schema) (outbox_held_rows)', legend: '{{schema}}' }],
        },
      ],
    },
    {
      title: 'Queues',
      panels: [
        {
          title: 'Jobs by state',
          unit: 'short',
          queries: [
            {
              expr: 'max by (queue, state) (queue_jobs{state!="completed"})',
              legend: '{{queue}} {{state}}',
            },
          ],
        },
        {
          title: 'The next job has waited',
          unit: 's',
          line: 60,
          queries: [{ expr: 'max by (queue) (queue_oldest_waiting_seconds)', legend: '{{queue}}' }],
        },
        {
          title: 'Dead letters',
          unit: 'short',
          kind: 'stat',
          queries: [
            { expr: 'max(queue_jobs{queue="dead-letters",state="waiting"})', legend: 'waiting' },
            {
              expr: 'sum by (name) (increase(job_dead_lettered_total[1h]))',
              legend: '{{name}} last hour',
            },
          ],
        },
      ],
    },
    {
      title: 'Jobs',
      panels: [
        {
          title: 'Attempts a second',
          unit: 'ops',
          queries: [perSecond('job_duration_seconds_count', 'name, outcome')],
        },
        { title: 'Duration p95', unit: 's', queries: [p95('job_duration_seconds', 'name')] },
        {
          title: 'Wait until the first attempt, p95',
          unit: 's',
          line: 10,
          queries: [p95('job_wait_seconds', 'name')],
        },
        {
          title: 'Repeated, stalled, queued again',
          unit: 'ops',
          queries: [
            perSecond('job_retries_total', 'name'),
            perSecond('job_stalled_total', 'queue'),
            perSecond('worker_requeued_total', 'name'),
          ],
        },
      ],
    },
    {
      title: 'Ingestion',
      panels: [
        {
          title: 'Stage p95',
          unit: 's',
          queries: [p95('worker_ingestion_stage_duration_seconds', 'stage')],
        },
        {
          title: 'Documents finished a second',
          unit: 'ops',
          queries: [perSecond('worker_documents_finished_total', 'status')],
        },
        {
          title: 'Chunks embedded a second',
          says: 'The red line is the budget of one worker core.',
          unit: 'ops',
          line: 150,
          queries: [{ expr: `sum(rate(worker_chunks_embedded_total[${rate}]))`, legend: 'chunks' }],
        },
      ],
    },
  ],
};

const data: Dashboard = {
  name: 'data',
  title: 'Postgres and Redis',
  says: 'As the services meet them.',
  byService: true,
  rows: [
    {
      title: 'Postgres',
      panels: [
        {
          title: 'Statements a second',
          unit: 'ops',
          queries: [
            {
              expr: `topk(12, sum by (statement) (rate(db_query_duration_seconds_count{${one}}[${rate}])))`,
              legend: '{{statement}}',
            },
          ],
        },
        {
          title: 'Slowest statements, p95',
          unit: 's',
          queries: [
            {
              expr: `topk(12, histogram_quantile(0.95, sum by (le, statement) (rate(db_query_duration_seconds_bucket{${one}}[${rate}]))))`,
              legend: '{{statement}}',
            },
          ],
        },
        {
          title: 'Seconds spent in a second',
          says: 'Where the time goes: rate times duration.',
          unit: 'short',
          stacked: true,
          queries: [
            {
              expr: `topk(12, sum by (statement) (rate(db_query_duration_seconds_sum{${one}}[${rate}])))`,
              legend: '{{statement}}',
            },
          ],
        },
        {
          title: 'Pool',
          unit: 'short',
          queries: [
            {
              expr: `sum by (service, state) (db_pool_connections{${one}})`,
              legend: '{{service}} {{state}}',
            },
            {
              expr: `sum by (service) (db_pool_limit_connections{${one}})`,
              legend: '{{service}} limit',
            },
          ],
        },
        {
          title: 'Wait for a connection',
          unit: 's',
          queries: quantiles('db_pool_acquire_seconds', { where: one }),
        },
        {
          title: 'Failures by class',
          unit: 'ops',
          queries: [perSecond('db_errors_total', 'service, class', one)],
        },
      ],
    },
    {
      title: 'Redis',
      panels: [
        {
          title: 'Commands a second',
          unit: 'ops',
          queries: [perSecond('redis_command_duration_seconds_count', 'connection', one)],
        },
        {
          title: 'p95',
          unit: 's',
          queries: [p95('redis_command_duration_seconds', 'connection', one)],
        },
        {
          title: 'Connections up, commands failed',
          unit: 'short',
          queries: [
            {
              expr: `min by (connection) (redis_connection_up{${one}})`,
              legend: 'up {{connection}}',
            },
            perSecond('redis_errors_total', 'connection', one),
          ],
        },
      ],
    },
  ],
};

const security: Dashboard = {
  name: 'security',
  title: 'security',
  says: 'Who is refused, what is tried, what is about to end.',
  rows: [
    {
      title: 'Refusals',
      panels: [
        {
          title: 'Who are you: refused',
          unit: 'ops',
          queries: [
            perSecond(
              'problems_total',
              'code',
              'door="http",code=~"token-.*|credentials-invalid|refresh-token-invalid"',
            ),
          ],
        },
        {
          title: 'You may not: refused',
          unit: 'ops',
          queries: [
            perSecond(
              'problems_total',
              'door, code',
              'code=~"permission-denied|peer-denied|.*-not-found"',
            ),
          ],
        },
        {
          title: 'Too many: refused',
          unit: 'ops',
          queries: [
            perSecond('api_requests_limited_total', 'allowance'),
            perSecond(
              'problems_total',
              'code',
              'door="http",code=~"rate-limited|account-locked|overloaded"',
            ),
          ],
        },
      ],
    },
    {
      title: 'Sessions',
      panels: [
        {
          title: 'Sessions ended at refresh',
          says: 'Reuse of a refresh token ends its session.',
          unit: 'ops',
          queries: [perSecond('auth_sessions_revoked_at_refresh_total', 'reason')],
        },
        {
          title: 'Revocation feed: age',
          says: 'The red line: no writes any more.',
          unit: 's',
          line: 10,
          queries: [
            { expr: 'max by (instance) (api_revocation_feed_age_seconds)', legend: '{{instance}}' },
          ],
        },
        {
          title: 'Revocations known',
          unit: 'short',
          queries: [{ expr: 'max(api_revocations_known)', legend: 'sessions and keys' }],
        },
        {
          title: 'Password hashes',
          unit: 's',
          queries: quantiles('auth_password_hash_duration_seconds'),
        },
        {
          title: 'Password hashes waiting and shed',
          unit: 'short',
          queries: [
            { expr: 'sum(auth_password_hashes_waiting)', legend: 'waiting' },
            {
              expr: `sum(rate(auth_password_hashes_shed_total[${rate}]))`,
              legend: 'shed a second',
            },
          ],
        },
        {
          title: 'Limits counted without Redis',
          unit: 'ops',
          queries: [
            { expr: `sum(rate(api_limits_counted_locally_total[${rate}]))`, legend: 'requests' },
          ],
        },
      ],
    },
    {
      title: 'Certificates',
      panels: [
        {
          title: 'Life left',
          unit: 'dtdurations',
          queries: [
            {
              expr: 'min by (service) (tls_certificate_expiry_timestamp_seconds > 0) - time()',
              legend: '{{service}}',
            },
          ],
        },
        {
          title: 'Renewal failing',
          unit: 'short',
          line: 1,
          queries: [
            { expr: 'max by (service) (tls_certificate_reload_failing)', legend: '{{service}}' },
          ],
        },
      ],
    },
  ],
};

const load: Dashboard = {
  name: 'load',
  title: 'load test',
  says: 'What to watch while k6 runs: the promises above, the price of a request below.',
  rows: [
    { title: 'The milestones', panels: [throughput, latency, failures] },
    {
      title: 'What a request costs',
      panels: [
        {
          title: 'Processor seconds for a request',
          unit: 's',
          line: 0.002,
          queries: [
            {
              expr: `sum(rate(process_cpu_seconds_total{job="capstone"}[${rate}])) / sum(rate(${requests}_count[${rate}]))`,
              legend: 'all services',
            },
          ],
        },
        {
          title: 'Statements for a request',
          unit: 'short',
          line: 2,
          queries: [
            {
              expr: `sum(rate(db_query_duration_seconds_count{service="api"}[${rate}])) / sum(rate(${requests}_count[${rate}]))`,
              legend: 'statements',
            },
          ],
        },
        cpu,
        loop,
        {
          title: 'In flight',
          unit: 'short',
          queries: [{ expr: 'sum(http_requests_in_flight)', legend: 'requests' }],
        },
        {
          title: 'Streams open',
          unit: 'short',
          queries: [{ expr: 'sum(api_event_streams)', legend: 'streams' }],
        },
      ],
    },
  ],
};

export const dashboards: Readonly<Record<DashboardName, Dashboard>> = {
  overview,
  services,
  queues,
  data,
  security,
  load,
};

/** Every query of a dashboard with Grafana's own variables filled in, as Prometheus would get it. */
export function queriesOf({ rows }: Dashboard): string[] {
  return rows
    .flatMap(({ panels }) => panels)
    .flatMap(({ queries }) => queries)
    .map(({ expr }) => expr.replaceAll(rate, '5m').replaceAll('$service', '.*'));
}
