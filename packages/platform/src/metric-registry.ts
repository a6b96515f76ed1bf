import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { OpenMetricsContentType } from 'prom-client';

/** What is said once about a metric. Names, helps, labels and budgets of all of them are in docs/metrics.md. */
export interface MetricSpec<Label extends string> {
  /** With its unit at the end, in seconds or bytes; a counter ends in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly Label[];
  /** The most combinations of label values that one process may ever show; without labels it is one. */
  readonly combinations?: number;
}

export interface HistogramSpec<Label extends string> extends MetricSpec<Label> {
  readonly buckets: readonly number[];
  /** Keeps, for each bucket, the trace of the last sampled observation that fell into it. */
  readonly exemplars?: boolean;
}

/** A metric as it was declared. */
export interface DeclaredMetric extends MetricSpec<string> {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly buckets?: readonly number[];
}

// Names of our own for prom-client's classes, so that a service can declare metrics without depending on it.
export interface CounterMetric<Label extends string> extends Counter<Label> {}
export interface GaugeMetric<Label extends string> extends Gauge<Label> {}
export interface HistogramMetric<Label extends string> extends Histogram<Label> {}

/** OpenMetrics, because only that format carries exemplars. Prometheus reads it since 2.5. */
export const registry = new Registry<OpenMetricsContentType>();
registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);

const declared = new Map<string, DeclaredMetric>();
const beforeScrape = new Set<() => void>();

/** Every metric declared so far in this process, those of Node itself left out. */
export function declaredMetrics(): readonly DeclaredMetric[] {
  return [...declared.values()];
}

export function counter<Label extends string = never>(
  spec: MetricSpec<Label>,
): CounterMetric<Label> {
  declared.set(spec.name, { ...spec, type: 'counter' });
  return new Counter(settingsOf(spec));
}

export function gauge<Label extends string = never>(spec: MetricSpec<Label>): GaugeMetric<Label> {
  declared.set(spec.name, { ...spec, type: 'gauge' });
  return new Gauge(settingsOf(spec));
}

export function histogram<Label extends string = never>(
  spec: HistogramSpec<Label>,
): HistogramMetric<Label> {
  declared.set(spec.name, { ...spec, type: 'histogram' });
  return new Histogram({
    ...settingsOf(spec),
    buckets: [...spec.buckets],
    enableExemplars: spec.exemplars ?? false,
  });
}

/** Calls `update` before each scrape, for gauges that are looked up and not counted. Call the answer to stop. */
export function onScrape(update: () => void): () => void {
  beforeScrape.add(update);
  return () => beforeScrape.delete(update);
}

/** The text of every metric, for `/metrics`. */
export async function scrape(): Promise<{ contentType: string; text: string }> {
  for (const update of beforeScrape) update();
  return { contentType: registry.contentType, text: await registry.metrics() };
}

function settingsOf<Label extends string>({ name, help, labels = [] }: MetricSpec<Label>) {
  return { name, help, labelNames: [...labels], registers: [registry] };
}
