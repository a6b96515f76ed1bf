/**
 * What people come to do, and how well it must go. `good` and `all` count events; `%w` stands for the window of a rate.
 */
export interface Slo {
  readonly journey: string;
  readonly sli: 'availability' | 'latency';
  /** The share of events that must be good, over 30 days. */
  readonly objective: number;
  readonly says: string;
  readonly bad: string;
  readonly all: string;
}

interface HttpJourney {
  readonly journey: string;
  readonly routes: string;
  /** An edge of the buckets of http_request_duration_seconds. */
  readonly withinSeconds: string;
  readonly share: number;
}

const httpJourneys: readonly HttpJourney[] = [
  // A password is hashed for 50 ms on purpose, and a queue of them is short.
  { journey: 'sign-in', routes: '/api/v1/auth/.*', withinSeconds: '0.5', share: 0.95 },
  { journey: 'tasks', routes: '/api/v1/tasks.*', withinSeconds: '0.1', share: 0.95 },
  { journey: 'documents', routes: '/api/v1/documents.*', withinSeconds: '0.25', share: 0.95 },
  { journey: 'search', routes: '/api/v1/search', withinSeconds: '0.1', share: 0.95 },
];

export const slos: readonly Slo[] = [
  ...httpJourneys.flatMap(httpSlos),
  {
    journey: 'ingestion',
    sli: 'availability',
    objective: 0.99,
    says: '99 % of the attempts to process a document succeed',
    bad: 'sum(rate(job_duration_seconds_count{name="document.ingest",outcome="failed"}[%w]))',
    all: 'sum(rate(job_duration_seconds_count{name="document.ingest",outcome!="interrupted"}[%w]))',
  },
  {
    journey: 'ingestion',
    sli: 'latency',
    objective: 0.95,
    says: '95 % of the documents begin to be processed within 10 s',
    bad: `sum(rate(job_wait_seconds_count{name="document.ingest"}[%w])) - sum(rate(job_wait_seconds_bucket{name="document.ingest",le=~"10|10.0"}[%w]))`,
    all: 'sum(rate(job_wait_seconds_count{name="document.ingest"}[%w]))',
  },
];

function httpSlos({ journey, routes, withinSeconds, share }: HttpJourney): Slo[] {
  const series = (suffix: string, labels = '') =>
    `sum(rate(http_request_duration_seconds_${suffix}{route=~"${routes}"${labels}}[%w]))`;
  return [
    {
      journey,
      sli: 'availability',
      objective: 0.999,
      says: '99.9 % of the requests are answered, whatever the answer, and not with a 5xx',
      bad: series('count', ',status="5xx"'),
      all: series('count'),
    },
    {
      journey,
      sli: 'latency',
      objective: share,
      says: `${share * 100} % of the requests are answered within ${withinSeconds} s`,
      bad: `${series('count')} - ${series('bucket', `,le="${withinSeconds}"`)}`,
      all: series('count'),
    },
  ];
}

/** Long and short window of each burn rate, as Google's SRE workbook has them for a budget of 30 days. */
export const windows = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const;
export type Window = (typeof windows)[number];
