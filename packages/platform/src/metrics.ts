import { counter, gauge, histogram } from './metric-registry.js';
import type { HistogramMetric } from './metric-registry.js';

/**
 * Every metric of the platform on one page. A label has few values: route templates, statement names, codes; never an
 * id, a URL or a text from outside. Buckets have an edge at every objective, so that a share is counted, not guessed.
 */
const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const jobBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const waitBuckets = [0.001, 0.005, 0.025, 0.1, 0.25, 1, 5];
const statementBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

export const httpDuration = histogram({
  name: 'http_request_duration_seconds',
  help: 'Time from the head of a request to the end of its response, by route template and class of status.',
  labels: ['route', 'method', 'status'],
  combinations: 240,
  buckets: secondsBuckets,
  exemplars: true,
});

export const httpInFlight = gauge({
  name: 'http_requests_in_flight',
  help: 'Requests being answered now.',
});

export const httpShed = counter({
  name: 'http_requests_shed_total',
  help: 'Requests refused with 503 before any work was done for them.',
  labels: ['reason'],
  combinations: 3,
});

export const problemsAnswered = counter({
  name: 'problems_total',
  help: 'Problems answered to callers, by code of the catalogue and the door they went out by.',
  labels: ['door', 'code'],
  combinations: 100,
});

export const grpcServerDuration = histogram({
  name: 'grpc_server_duration_seconds',
  help: 'Time a served call took, by its gRPC status.',
  labels: ['method', 'status'],
  combinations: 120,
  buckets: secondsBuckets,
  exemplars: true,
});

export const grpcClientDuration = histogram({
  name: 'grpc_client_duration_seconds',
  help: 'Time an outgoing call took with its retries, by its gRPC status.',
  labels: ['method', 'status'],
  combinations: 120,
  buckets: secondsBuckets,
});

export const jobDuration = histogram({
  name: 'job_duration_seconds',
  help: 'Time one attempt of a job took, by outcome: completed, failed or interrupted by a shutdown.',
  labels: ['name', 'outcome'],
  combinations: 30,
  buckets: jobBuckets,
  exemplars: true,
});

export const jobWait = histogram({
  name: 'job_wait_seconds',
  help: 'Time from adding a job to the start of its first attempt.',
  labels: ['name'],
  combinations: 10,
  buckets: jobBuckets,
});

export const jobRetries = counter({
  name: 'job_retries_total',
  help: 'Attempts of a job after its first.',
  labels: ['name'],
  combinations: 10,
});

export const jobStalled = counter({
  name: 'job_stalled_total',
  help: 'Jobs taken over from a process that stopped renewing its hold on them.',
  labels: ['queue'],
  combinations: 5,
});

export const jobDeadLettered = counter({
  name: 'job_dead_lettered_total',
  help: 'Jobs given up on and kept for a person.',
  labels: ['name'],
  combinations: 10,
});

export const queueJobs = gauge({
  name: 'queue_jobs',
  help: 'Jobs in a queue by state. Told by one process at a time, the one that leads.',
  labels: ['queue', 'state'],
  combinations: 30,
});

export const queueOldestWaiting = gauge({
  name: 'queue_oldest_waiting_seconds',
  help: 'How long the job at the head of a queue has been waiting, 0 for an empty queue. Told by the leader.',
  labels: ['queue'],
  combinations: 5,
});

export const queueMetricsLeader = gauge({
  name: 'queue_metrics_leader',
  help: '1 in the one process that tells the state of the queues.',
});

export const dbDuration = histogram({
  name: 'db_query_duration_seconds',
  help: 'Time a named statement took as its caller saw it, waiting for a connection included.',
  labels: ['statement'],
  combinations: 120,
  buckets: statementBuckets,
});

export const dbErrors = counter({
  name: 'db_errors_total',
  help: 'Statements that failed, by class of SQLSTATE (its first two characters) or connection.',
  labels: ['class'],
  combinations: 20,
});

export const dbPool = gauge({
  name: 'db_pool_connections',
  help: 'Connections of the transaction pool: total, idle, and callers waiting for one.',
  labels: ['state'],
  combinations: 3,
});

export const dbPoolLimit = gauge({
  name: 'db_pool_limit_connections',
  help: 'The most connections the transaction pool may open.',
});

export const dbPoolAcquire = histogram({
  name: 'db_pool_acquire_seconds',
  help: 'Time a transaction waited for its connection.',
  buckets: waitBuckets,
});

export const redisDuration = histogram({
  name: 'redis_command_duration_seconds',
  help: 'Time a command took as its caller saw it, by connection. Blocking connections are left out.',
  labels: ['connection'],
  combinations: 8,
  buckets: waitBuckets,
});

export const redisErrors = counter({
  name: 'redis_errors_total',
  help: 'Commands that failed, by connection.',
  labels: ['connection'],
  combinations: 10,
});

export const redisUp = gauge({
  name: 'redis_connection_up',
  help: '1 while a connection is ready for commands.',
  labels: ['connection'],
  combinations: 10,
});

export const outboxLag = gauge({
  name: 'outbox_lag_seconds',
  help: 'Age of the oldest outbox row not yet relayed, 0 when there is none.',
  labels: ['schema'],
  combinations: 2,
});

export const outboxHeld = gauge({
  name: 'outbox_held_rows',
  help: 'Rows left aside for a while because they could not be delivered.',
  labels: ['schema'],
  combinations: 2,
});

export const outboxRelayed = counter({
  name: 'outbox_relayed_total',
  help: 'Outbox rows handed on.',
  labels: ['schema', 'kind'],
  combinations: 4,
});

export const tlsExpiry = gauge({
  name: 'tls_certificate_expiry_timestamp_seconds',
  help: 'When the certificate in use ends, in seconds since 1970.',
});

export const tlsIssued = gauge({
  name: 'tls_certificate_not_before_timestamp_seconds',
  help: 'Since when the certificate in use is valid, in seconds since 1970.',
});

export const tlsReloadFailing = gauge({
  name: 'tls_certificate_reload_failing',
  help: '1 while the certificate files on disk cannot be used and the last good ones stay in use.',
});

export const spansExported = counter({
  name: 'trace_spans_exported_total',
  help: 'Spans handed to the collector, by outcome: sent, or lost because it did not take them.',
  labels: ['outcome'],
  combinations: 2,
});

/** Observes, and remembers the trace as an exemplar where there is a sampled one. For metrics with `exemplars`. */
export function observeTraced<Label extends string>(
  metric: HistogramMetric<Label>,
  labels: Partial<Record<Label, string>>,
  value: number,
  trace: { readonly traceId: string; readonly sampled: boolean } | undefined,
): void {
  metric.observe({
    labels,
    value,
    // prom-client (15.1) types an exemplar by the labels of its metric; any names are valid.
    exemplarLabels: (trace?.sampled ? { trace_id: trace.traceId } : {}) as Partial<
      Record<Label, string>
    >,
  });
}

/** Starts a clock; call the answer for the seconds that passed. */
export function stopwatch(): () => number {
  const start = performance.now();
  return () => (performance.now() - start) / 1000;
}
