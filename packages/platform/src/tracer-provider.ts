import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { TracingOptions } from './tracing.js';

// A collector that does not answer must not hold up a shutdown; spans are the first thing to give up.
const exportTimeoutMs = 2_000;

/** The SDK behind `startTracing`: batches to a collector over OTLP/HTTP, or to the exporter given. */
export function createTracerProvider(options: TracingOptions): TracerProvider {
  const exporter = options.exporter ?? collectorAt(options.endpoint ?? '');
  return new TracerProvider({
    // The door decides; the SDK is only ever asked for a span that is wanted.
    sampler: new AlwaysOnSampler(),
    resource: resourceFromAttributes({
      'service.name': options.service,
      ...(options.version !== undefined && { 'service.version': options.version }),
    }),
    spanProcessors: [new BatchSpanProcessor({ exporter, exportTimeoutMillis: exportTimeoutMs })],
  });
}

function collectorAt(endpoint: string): OTLPTraceExporter {
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  return new OTLPTraceExporter({ url, timeoutMillis: exportTimeoutMs });
}
