import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/**
 * Every metric of the platform: names, help and labels on one page. A label has few values: route templates, statement
 * names, codes; never an id, a URL or a text from outside.
 */
export const registry = new Registry();

const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const registers = [registry];

export const httpDuration = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Time from the head of a request to the end of its response.',
  labelNames: ['route', 'method', 'status'],
  buckets: secondsBuckets,
  registers,
});

export const httpInFlight = new Gauge({
  name: 'http_requests_in_flight',
  help: 'Requests being answered now.',
  registers,
});

export const httpShed = new Counter({
  name: 'http_requests_shed_total',
  help: 'Requests refused with 503 before any work was done for them.',
  labelNames: ['reason'],
  registers,
});

export const grpcServerDuration = new Histogram({
  name: 'grpc_server_duration_seconds',
  help: 'Time a served call took, by its gRPC status.',
  labelNames: ['method', 'status'],
  buckets: secondsBuckets,
  registers,
});

export const grpcClientDuration = new Histogram({
  name: 'grpc_client_duration_seconds',
  help: 'Time an outgoing call took with its retries, by its gRPC status.',
  labelNames: ['method', 'status'],
  buckets: secondsBuckets,
  registers,
});

export const jobDuration = new Histogram({
  name: 'job_duration_seconds',
  help: 'Time one attempt of a job took, by outcome.',
  labelNames: ['job', 'outcome'],
  buckets: [...secondsBuckets, 10, 30, 60, 300],
  registers,
});

export const jobDeadLettered = new Counter({
  name: 'job_dead_lettered_total',
  help: 'Jobs given up on and kept for a person.',
  labelNames: ['job'],
  registers,
});

export const queueJobs = new Gauge({
  name: 'queue_jobs',
  help: 'Jobs in a queue by state.',
  labelNames: ['queue', 'state'],
  registers,
});

export const dbDuration = new Histogram({
  name: 'db_query_duration_seconds',
  help: 'Time a named statement took as its caller saw it, waiting for a connection included.',
  labelNames: ['statement'],
  buckets: [0.001, ...secondsBuckets],
  registers,
});

export const dbPool = new Gauge({
  name: 'db_pool_connections',
  help: 'Connections of the transaction pool by state, and callers waiting for one.',
  labelNames: ['state'],
  registers,
});

export const outboxLag = new Gauge({
  name: 'outbox_lag_seconds',
  help: 'Age of the oldest outbox row not yet relayed, 0 when there is none.',
  labelNames: ['schema'],
  registers,
});

export const outboxRelayed = new Counter({
  name: 'outbox_relayed_total',
  help: 'Outbox rows handed on.',
  labelNames: ['schema', 'kind'],
  registers,
});

export const tlsExpiry = new Gauge({
  name: 'tls_certificate_expiry_timestamp_seconds',
  help: 'When the certificate in use ends, in seconds since 1970.',
  registers,
});

export const tlsReloadFailing = new Gauge({
  name: 'tls_certificate_reload_failing',
  help: '1 while the certificate files on disk cannot be used and the last good ones stay in use.',
  registers,
});

const buildInfo = new Gauge({
  name: 'build_info',
  help: 'Always 1; the labels say what runs.',
  labelNames: ['service', 'version', 'node'],
  registers,
});

let lastUtilization = performance.eventLoopUtilization();

/** Near 1 the process is at the end of what one core gives, whatever its CPU share says. */
export const eventLoopUtilization = new Gauge({
  name: 'nodejs_eventloop_utilization',
  help: 'Share of the time since the last scrape that the event loop was busy, 0 to 1.',
  registers,
  collect() {
    const now = performance.eventLoopUtilization();
    this.set(performance.eventLoopUtilization(now, lastUtilization).utilization);
    lastUtilization = now;
  },
});

let collecting = false;

/** Adds what Node itself can tell (CPU, memory, GC, event loop delay) and build_info. Once per process. */
export function startMetrics(service: string, version: string): void {
  buildInfo.set({ service, version, node: process.version }, 1);
  if (collecting) return;
  collecting = true;
  collectDefaultMetrics({ register: registry });
}

/** Starts a clock; call the answer for the seconds that passed. */
export function stopwatch(): () => number {
  const start = performance.now();
  return () => (performance.now() - start) / 1000;
}
