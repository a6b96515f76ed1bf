import type { DashboardName } from './dashboards.js';

/** A series before, during and after a fault, each value held for a step; a counter's values are its growth. */
export interface FaultySeries {
  readonly series: string;
  readonly kind: 'gauge' | 'counter';
  readonly healthy: number | null;
  readonly faulty: number | null;
}

/** How an alert is tried: the fault lasts `steps` and it fires; it lasts `blip` and it does not; it ends and so does it. */
export interface AlertTrial {
  readonly step: string;
  readonly before: number;
  readonly steps: number;
  readonly blip: number;
  readonly after: number;
  readonly series: readonly FaultySeries[];
}

export interface Alert {
  readonly name: string;
  readonly group: 'objectives' | 'causes' | 'security' | 'monitoring';
  /** page: somebody gets up. ticket: somebody looks in working hours. none: nobody is told, a machine is. */
  readonly severity: 'page' | 'ticket' | 'none';
  readonly expr: string;
  readonly for?: string;
  readonly summary: string;
  readonly dashboard: DashboardName;
  /** None for an alert that always fires. */
  readonly trial?: AlertTrial;
}

const halfMinutes = { step: '30s', before: 20, steps: 40, blip: 1, after: 40 };
const gauge = (series: string, healthy: number | null, faulty: number | null): FaultySeries => ({
  series,
  kind: 'gauge',
  healthy,
  faulty,
});
const counter = (series: string, healthy: number, faulty: number): FaultySeries => ({
  series,
  kind: 'counter',
  healthy,
  faulty,
});

const tasks =
  'http_request_duration_seconds_count{route="/api/v1/tasks",method="GET",service="api"';

/** The budget of an objective burns `factor` times as fast as it may, over both windows. */
function burns(factor: number, long: string, short: string): string {
  const over = (window: string) =>
    `slo:bad_ratio:rate${window} > on (journey, sli) (${factor} * (1 - slo:objective))`;
  return `(${over(long)} and on (journey, sli) ${over(short)})`;
}

export const alerts: readonly Alert[] = [
  {
    name: 'ErrorBudgetBurnsFast',
    group: 'objectives',
    severity: 'page',
    // 2 % of the month's budget in an hour, or 5 % in six. Under 100 events a fault or two would be a burn.
    expr: `(
  ${burns(14.4, '1h', '5m')}
  or
  ${burns(6, '6h', '30m')}
)
and on (journey, sli) slo:events:increase1h > 100`,
    for: '2m',
    summary: '{{ $labels.journey }}: {{ $labels.sli }} uses up its error budget within days',
    dashboard: 'overview',
    trial: {
      ...halfMinutes,
      before: 140,
      steps: 60,
      blip: 2,
      after: 80,
      series: [
        counter(`${tasks},status="2xx"}`, 300, 200),
        counter(`${tasks},status="5xx"}`, 0, 100),
      ],
    },
  },
  {
    name: 'ErrorBudgetBurnsSlowly',
    group: 'objectives',
    severity: 'ticket',
    expr: `(
  ${burns(3, '1d', '2h')}
  or
  ${burns(1, '3d', '6h')}
)
and on (journey, sli) slo:events:increase1d > 1000`,
    for: '15m',
    summary:
      '{{ $labels.journey }}: {{ $labels.sli }} uses up its error budget before the month ends',
    dashboard: 'overview',
    trial: {
      step: '5m',
      before: 300,
      steps: 300,
      blip: 2,
      after: 100,
      series: [
        counter(`${tasks},status="2xx"}`, 3_000, 2_985),
        counter(`${tasks},status="5xx"}`, 0, 15),
      ],
    },
  },
  {
    name: 'FewButAllFailing',
    group: 'objectives',
    severity: 'page',
    // What the burn rates leave to the guard: hardly anybody comes, and whoever comes fails.
    expr: `(
  sum by (service) (increase(http_request_duration_seconds_count{status="5xx"}[30m])) > 3
)
and
(
  sum by (service) (increase(http_request_duration_seconds_count{status="5xx"}[30m]))
  / sum by (service) (increase(http_request_duration_seconds_count[30m])) > 0.25
)`,
    for: '5m',
    summary: '{{ $labels.service }} fails a quarter of the few requests it gets',
    dashboard: 'overview',
    trial: {
      ...halfMinutes,
      before: 70,
      blip: 3,
      after: 80,
      series: [counter(`${tasks},status="2xx"}`, 1, 0), counter(`${tasks},status="5xx"}`, 0, 1)],
    },
  },
  {
    name: 'ServiceDown',
    group: 'causes',
    severity: 'page',
    expr: `up{job="capstone"} == 0`,
    for: '2m',
    summary: '{{ $labels.service }} at {{ $labels.instance }} does not answer on its admin port',
    dashboard: 'overview',
    trial: {
      ...halfMinutes,
      series: [gauge('up{job="capstone",service="api",instance="a"}', 1, 0)],
    },
  },
  {
    name: 'ServiceMissing',
    group: 'causes',
    severity: 'page',
    expr: `absent(up{job="capstone",service="api"})
or absent(up{job="capstone",service="auth"})
or absent(up{job="capstone",service="worker"})`,
    for: '5m',
    summary: 'No {{ $labels.service }} is known to Prometheus at all',
    dashboard: 'overview',
    trial: {
      ...halfMinutes,
      blip: 4,
      series: [
        gauge('up{job="capstone",service="api"}', 1, 1),
        gauge('up{job="capstone",service="auth"}', 1, null),
        gauge('up{job="capstone",service="worker"}', 1, 1),
      ],
    },
  },
  {
    name: 'QueueWaitsLong',
    group: 'causes',
    severity: 'ticket',
    expr: `max by (queue) (queue_oldest_waiting_seconds{queue!="dead-letters"}) > 60`,
    for: '5m',
    summary: 'The next job of {{ $labels.queue }} has waited for {{ $value | humanizeDuration }}',
    dashboard: 'queues',
    trial: {
      ...halfMinutes,
      series: [gauge('queue_oldest_waiting_seconds{queue="documents"}', 1, 90)],
    },
  },
  {
    name: 'QueueStateUnknown',
    group: 'causes',
    severity: 'ticket',
    expr: `absent(queue_metrics_leader == 1)`,
    for: '5m',
    summary: 'No process tells the state of the queues',
    dashboard: 'queues',
    trial: { ...halfMinutes, series: [gauge('queue_metrics_leader{service="api"}', 1, 0)] },
  },
  {
    name: 'DeadLetters',
    group: 'causes',
    severity: 'ticket',
    expr: `max by (queue) (queue_jobs{queue="dead-letters",state="waiting"}) > 0`,
    for: '1m',
    summary: '{{ $value }} jobs were given up on and wait for a person',
    dashboard: 'queues',
    trial: {
      ...halfMinutes,
      series: [gauge('queue_jobs{queue="dead-letters",state="waiting"}', 0, 1)],
    },
  },
  {
    name: 'JobsStall',
    group: 'causes',
    severity: 'ticket',
    expr: `sum by (queue) (increase(job_stalled_total[30m])) > 3`,
    for: '5m',
    summary: 'Workers of {{ $labels.queue }} die or stand still with jobs in hand',
    dashboard: 'queues',
    trial: {
      ...halfMinutes,
      after: 80,
      series: [counter('job_stalled_total{queue="documents"}', 0, 1)],
    },
  },
  {
    name: 'OutboxLags',
    group: 'causes',
    severity: 'ticket',
    expr: `max by (schema) (outbox_lag_seconds) > 30`,
    for: '2m',
    summary: 'What {{ $labels.schema }} has to say waits for {{ $value | humanizeDuration }}',
    dashboard: 'queues',
    trial: { ...halfMinutes, series: [gauge('outbox_lag_seconds{schema="app"}', 0, 45)] },
  },
  {
    name: 'OutboxRowsHeld',
    group: 'causes',
    severity: 'ticket',
    expr: `max by (schema) (outbox_held_rows) > 0`,
    for: '10m',
    summary: 'Rows of the outbox of {{ $labels.schema }} cannot be delivered',
    dashboard: 'queues',
    trial: { ...halfMinutes, series: [gauge('outbox_held_rows{schema="app"}', 0, 1)] },
  },
  {
    name: 'DatabasePoolWaits',
    group: 'causes',
    severity: 'ticket',
    expr: `min_over_time(db_pool_connections{state="waiting"}[2m]) > 0`,
    for: '2m',
    summary: 'Transactions of {{ $labels.service }} wait for a connection all the time',
    dashboard: 'data',
    trial: {
      ...halfMinutes,
      series: [gauge('db_pool_connections{state="waiting",service="api"}', 0, 4)],
    },
  },
  {
    name: 'DatabaseFails',
    group: 'causes',
    severity: 'ticket',
    expr: `sum by (service, class) (rate(db_errors_total{class!~"23|40"}[5m])) > 0.1`,
    for: '5m',
    summary: 'Statements of {{ $labels.service }} fail with class {{ $labels.class }}',
    dashboard: 'data',
    trial: {
      ...halfMinutes,
      series: [counter('db_errors_total{service="api",class="connection"}', 0, 30)],
    },
  },
  {
    name: 'RedisConnectionLost',
    group: 'causes',
    severity: 'ticket',
    expr: `redis_connection_up == 0`,
    for: '2m',
    summary: '{{ $labels.service }} has lost its connection {{ $labels.connection }}',
    dashboard: 'data',
    trial: {
      ...halfMinutes,
      series: [gauge('redis_connection_up{service="api",connection="api-cache"}', 1, 0)],
    },
  },
  {
    name: 'EventLoopLate',
    group: 'causes',
    severity: 'ticket',
    // The figure holds the timer's own 10 ms.
    expr: `nodejs_eventloop_lag_p99_seconds > 0.1`,
    for: '5m',
    summary: 'Something blocks {{ $labels.service }} for {{ $value | humanizeDuration }} at a time',
    dashboard: 'services',
    trial: {
      ...halfMinutes,
      series: [gauge('nodejs_eventloop_lag_p99_seconds{service="api"}', 0.012, 0.3)],
    },
  },
  {
    name: 'EventLoopFull',
    group: 'causes',
    severity: 'ticket',
    expr: `nodejs_eventloop_utilization > 0.9`,
    for: '10m',
    summary: '{{ $labels.service }} at {{ $labels.instance }} is at the end of its core',
    dashboard: 'services',
    trial: {
      ...halfMinutes,
      series: [gauge('nodejs_eventloop_utilization{service="api",instance="a"}', 0.3, 0.97)],
    },
  },
  {
    name: 'MemoryHigh',
    group: 'causes',
    severity: 'ticket',
    expr: `process_resident_memory_bytes{job="capstone"} > 600e6`,
    for: '15m',
    summary:
      '{{ $labels.service }} holds {{ $value | humanize1024 }}B, four times what it starts with',
    dashboard: 'services',
    trial: {
      ...halfMinutes,
      series: [gauge('process_resident_memory_bytes{job="capstone",service="api"}', 15e7, 7e8)],
    },
  },
  {
    name: 'RequestsShed',
    group: 'causes',
    severity: 'ticket',
    expr: `sum by (service, reason) (rate(http_requests_shed_total{reason!="draining"}[5m])) > 0.1`,
    for: '5m',
    summary: '{{ $labels.service }} turns requests away: {{ $labels.reason }}',
    dashboard: 'overview',
    trial: {
      ...halfMinutes,
      series: [counter('http_requests_shed_total{service="api",reason="in-flight"}', 0, 60)],
    },
  },
  {
    name: 'SearchDegraded',
    group: 'causes',
    severity: 'ticket',
    expr: `sum(rate(api_search_duration_seconds_count{degraded="true"}[10m]))
/ sum(rate(api_search_duration_seconds_count[10m])) > 0.05`,
    for: '10m',
    summary:
      '{{ $value | humanizePercentage }} of the searches are answered with something left out',
    dashboard: 'services',
    trial: {
      ...halfMinutes,
      steps: 60,
      after: 60,
      series: [
        counter('api_search_duration_seconds_count{mode="hybrid",degraded="false"}', 30, 15),
        counter('api_search_duration_seconds_count{mode="hybrid",degraded="true"}', 0, 15),
      ],
    },
  },
  {
    name: 'RevocationFeedSilent',
    group: 'security',
    severity: 'page',
    expr: `api_revocation_feed_age_seconds > 10`,
    for: '30s',
    summary: 'api does not hear of sign-outs any more and refuses writes, after 30 s everything',
    dashboard: 'security',
    trial: {
      ...halfMinutes,
      step: '15s',
      series: [gauge('api_revocation_feed_age_seconds{service="api"}', 1, 20)],
    },
  },
  {
    name: 'CertificateEnds',
    group: 'security',
    severity: 'ticket',
    // A process that has no certificate says 0.
    expr: `((tls_certificate_expiry_timestamp_seconds > 0) - time())
/ (tls_certificate_expiry_timestamp_seconds - tls_certificate_not_before_timestamp_seconds)
< 0.25`,
    for: '10m',
    summary: 'The certificate of {{ $labels.service }} is in the last quarter of its life',
    dashboard: 'security',
    trial: {
      ...halfMinutes,
      series: [
        gauge('tls_certificate_not_before_timestamp_seconds{service="api"}', 0, -100_000),
        gauge('tls_certificate_expiry_timestamp_seconds{service="api"}', 86_400, 10_000),
        gauge('tls_certificate_not_before_timestamp_seconds{service="none"}', 0, 0),
        gauge('tls_certificate_expiry_timestamp_seconds{service="none"}', 0, 0),
      ],
    },
  },
  {
    name: 'CertificateNotRenewed',
    group: 'security',
    severity: 'ticket',
    expr: `tls_certificate_reload_failing == 1`,
    for: '5m',
    summary: '{{ $labels.service }} cannot use the certificate files it was given',
    dashboard: 'security',
    trial: {
      ...halfMinutes,
      series: [gauge('tls_certificate_reload_failing{service="api"}', 0, 1)],
    },
  },
  {
    name: 'RefreshTokensReused',
    group: 'security',
    severity: 'page',
    expr: `sum(increase(auth_sessions_revoked_at_refresh_total{reason="refresh-token-reused"}[15m])) > 5`,
    for: '1m',
    summary: 'Refresh tokens are used twice: somebody may hold stolen ones',
    dashboard: 'security',
    trial: {
      ...halfMinutes,
      series: [
        counter('auth_sessions_revoked_at_refresh_total{reason="refresh-token-reused"}', 0, 2),
      ],
    },
  },
  {
    name: 'SignInsRefused',
    group: 'security',
    severity: 'ticket',
    expr: `sum(rate(problems_total{door="http",code="credentials-invalid"}[10m])) > 1`,
    for: '10m',
    summary: '{{ $value | humanize }} wrong passwords a second: somebody is trying',
    dashboard: 'security',
    trial: {
      ...halfMinutes,
      steps: 60,
      series: [counter('problems_total{door="http",code="credentials-invalid"}', 1, 120)],
    },
  },
  {
    name: 'PeersDenied',
    group: 'security',
    severity: 'page',
    expr: `sum by (service) (increase(problems_total{door="grpc",code="peer-denied"}[10m])) > 0`,
    for: '1m',
    summary: 'A workload calls a method of {{ $labels.service }} that it may not call',
    dashboard: 'security',
    trial: {
      ...halfMinutes,
      // One refusal is one too many: no fault is so short that it should be passed over.
      blip: 0,
      series: [counter('problems_total{service="auth",door="grpc",code="peer-denied"}', 0, 1)],
    },
  },
  {
    name: 'PasswordHashesShed',
    group: 'security',
    severity: 'ticket',
    expr: `sum(rate(auth_password_hashes_shed_total[5m])) > 0.1`,
    for: '5m',
    summary: 'More sign-ins than auth can hash: a flood, or too few of auth',
    dashboard: 'security',
    trial: { ...halfMinutes, series: [counter('auth_password_hashes_shed_total', 0, 30)] },
  },
  {
    name: 'LimitsNotShared',
    group: 'security',
    severity: 'ticket',
    expr: `sum(rate(api_limits_counted_locally_total[5m])) > 1`,
    for: '5m',
    summary: 'Rate limits are counted in each process alone: the cache Redis is away',
    dashboard: 'security',
    trial: { ...halfMinutes, series: [counter('api_limits_counted_locally_total', 0, 300)] },
  },
  {
    name: 'SpansLost',
    group: 'monitoring',
    severity: 'ticket',
    expr: `sum by (service) (rate(trace_spans_exported_total{outcome="lost"}[10m])) > 0`,
    for: '15m',
    summary: 'The collector does not take the spans of {{ $labels.service }}',
    dashboard: 'services',
    trial: {
      ...halfMinutes,
      steps: 60,
      series: [counter('trace_spans_exported_total{service="api",outcome="lost"}', 0, 10)],
    },
  },
  {
    name: 'SeriesOverBudget',
    group: 'monitoring',
    severity: 'ticket',
    expr: `scrape_samples_post_metric_relabeling{job="capstone"} > 3000`,
    for: '10m',
    summary: '{{ $labels.service }} shows {{ $value }} series: a label has too many values',
    dashboard: 'services',
    trial: {
      ...halfMinutes,
      series: [
        gauge('scrape_samples_post_metric_relabeling{job="capstone",service="api"}', 900, 3_400),
      ],
    },
  },
  {
    name: 'Watchdog',
    group: 'monitoring',
    severity: 'none',
    expr: `vector(1)`,
    summary: 'Always firing: whoever receives this notices when it stops',
    dashboard: 'overview',
  },
];
