import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';
import { spansExported } from './metrics.js';
import type { ReplayableIds } from './trace-ids.js';
import type { TracingOptions } from './tracing.js';

// A collector that does not answer must not hold up a shutdown; spans are the first thing to give up.
const exportTimeoutMs = 2_000;

/** The SDK behind `startTracing`: batches to a collector over OTLP/HTTP, and whatever else listens to spans. */
export function createTracerProvider(
  options: TracingOptions,
  ids: ReplayableIds,
  listeners: readonly SpanProcessor[],
): TracerProvider {
  const exporter = options.exporter ?? (options.endpoint && collectorAt(options.endpoint));
  return new TracerProvider({
    // The door decides; the SDK is only ever asked for a span that is wanted.
    sampler: new AlwaysOnSampler(),
    idGenerator: ids,
    resource: resourceFromAttributes({
      'service.name': options.service,
      'service.namespace': 'capstone',
      ...(options.version !== undefined && { 'service.version': options.version }),
    }),
    spanProcessors: [
      ...listeners,
      ...(exporter
        ? [
            new BatchSpanProcessor({
              exporter: counting(exporter),
              exportTimeoutMillis: exportTimeoutMs,
            }),
          ]
        : []),
    ],
  });
}

function collectorAt(endpoint: string): OTLPTraceExporter {
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  return new OTLPTraceExporter({ url, timeoutMillis: exportTimeoutMs });
}

function counting(exporter: SpanExporter): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        spansExported.inc({ outcome: result.error ? 'lost' : 'sent' }, spans.length);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
