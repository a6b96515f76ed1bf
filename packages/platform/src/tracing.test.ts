import { SpanKind } from '@opentelemetry/api';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  continueTrace,
  currentTraceId,
  currentTraceparent,
  formatTraceparent,
  keepAfterwards,
  openTrace,
  parseTraceparent,
  runInTrace,
  startTracing,
  withSpan,
} from './tracing.js';
import type { Tracing } from './tracing.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const sampled = `00-${traceId}-${spanId}-01`;
const unsampled = `00-${traceId}-${spanId}-00`;

describe('parseTraceparent', () => {
  test('reads ids and the sampled flag', () => {
    expect(parseTraceparent(sampled)).toEqual({ traceId, spanId, sampled: true });
    expect(parseTraceparent(unsampled)).toEqual({ traceId, spanId, sampled: false });
  });

  test('takes a later version with more fields, and only the flag it knows', () => {
    expect(parseTraceparent(`cc-${traceId}-${spanId}-03-what-comes`)).toMatchObject({
      sampled: true,
    });
    expect(parseTraceparent(`00-${traceId}-${spanId}-02`)).toMatchObject({ sampled: false });
  });

  test.each([
    ['nothing', ''],
    ['version ff', `ff-${traceId}-${spanId}-01`],
    ['version 00 with more fields', `${sampled}-more`],
    ['upper case', sampled.toUpperCase()],
    ['a zero trace id', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['a zero parent id', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['short ids', `00-${traceId.slice(1)}-${spanId}-01`],
    ['text around it', ` ${sampled} `],
  ])('ignores %s', (_what, header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });

  test('is the inverse of formatTraceparent', () => {
    expect(formatTraceparent(parseTraceparent(sampled)!)).toBe(sampled);
    expect(formatTraceparent(parseTraceparent(unsampled)!)).toBe(unsampled);
  });
});

describe('without an exporter', () => {
  test('a trace has ids of its own and is not sampled, whatever the caller asks', () => {
    const own = openTrace('GET /', undefined);
    expect(own).toMatchObject({ sampled: false });
    expect(parseTraceparent(formatTraceparent(own))).toMatchObject({ traceId: own.traceId });

    expect(openTrace('GET /', sampled)).toMatchObject({ traceId, sampled: false });
  });

  test('ids differ', () => {
    const ids = Array.from({ length: 1000 }, () => openTrace('x', undefined).traceId);
    expect(new Set(ids).size).toBe(1000);
  });

  test('the current trace is what the code runs in, also after an await, and none outside', async () => {
    const trace = openTrace('GET /', undefined);
    await runInTrace(trace, async () => {
      await Promise.resolve();
      expect(currentTraceId()).toBe(trace.traceId);
      expect(currentTraceparent()).toBe(`00-${trace.traceId}-${trace.spanId}-00`);
    });
    expect(currentTraceId()).toBeUndefined();
    expect(currentTraceparent()).toBeUndefined();
  });

  test('withSpan just runs the work', () => {
    expect(withSpan('work', {}, () => 42)).toBe(42);
  });
});

describe('with an exporter', () => {
  let tracing: Tracing | undefined;

  /** Shutting down resets an in-memory exporter, so it hands over what it has before that. */
  class Keeping extends InMemorySpanExporter {
    readonly kept: ReadableSpan[] = [];
    override shutdown(): Promise<void> {
      this.kept.push(...this.getFinishedSpans());
      return super.shutdown();
    }
  }

  async function start(sampleRatio: number) {
    const exporter = new Keeping();
    tracing = await startTracing({ service: 'test', sampleRatio, exporter });
    return async () => {
      await tracing?.shutdown();
      return exporter.kept;
    };
  }

  afterEach(() => tracing?.shutdown());

  test('the ratio decides at the door, the caller before it', async () => {
    const never = await start(0);
    expect(openTrace('a', undefined).sampled).toBe(false);
    expect(openTrace('a', sampled)).toMatchObject({ traceId, sampled: true });
    await never();

    await start(1);
    expect(openTrace('a', undefined).sampled).toBe(true);
    expect(openTrace('a', unsampled)).toMatchObject({ traceId, sampled: false });
  });

  test('spans of one trace know their parents', async () => {
    const spans = await start(0);
    await continueTrace(sampled, 'job', () =>
      withSpan('query', { statement: 'x' }, async () => {}),
    );

    const [query, job] = await spans();
    expect(job).toMatchObject({ name: 'job', parentSpanContext: { traceId, spanId } });
    expect(query).toMatchObject({ name: 'query', attributes: { statement: 'x' } });
    expect(query?.parentSpanContext?.spanId).toBe(job?.spanContext().spanId);
  });

  test('what is thrown marks the span and comes out unchanged', async () => {
    const spans = await start(1);
    const fault = new Error('broken');
    await expect(continueTrace(undefined, 'job', () => Promise.reject(fault))).rejects.toBe(fault);
    expect(() =>
      continueTrace(undefined, 'call', () => {
        throw fault;
      }),
    ).toThrow(fault);

    const names = (await spans()).map((span) => [span.name, span.status.code]);
    expect(names).toEqual([
      ['job', 2],
      ['call', 2],
    ]);
  });
});

describe('what the door did not choose', () => {
  test('can be kept afterwards, under the ids that were told already', async () => {
    const exporter = new InMemorySpanExporter();
    const tracing = await startTracing({
      service: 'test',
      sampleRatio: 0,
      samplePerSecond: 1,
      recentSpans: 10,
      exporter,
    });
    openTrace('takes the one of this second', undefined);
    const failed = openTrace('GET /', unsampled);
    const about = { name: 'GET /', kind: SpanKind.SERVER, durationMs: 1_500, attributes: {} };

    keepAfterwards(failed, { ...about, error: '500' });
    expect(tracing.recent?.find(traceId)).toEqual([]);

    await vi.waitFor(() => {
      keepAfterwards(failed, { ...about, error: '500' });
      expect(tracing.recent?.find(traceId)).toHaveLength(1);
    }, 2_000);
    expect(tracing.recent?.find(traceId)).toMatchObject([
      { spanId: failed.spanId, parentSpanId: undefined, failed: true, kind: 'server' },
    ]);
    expect(tracing.recent?.list()).toMatchObject([{ traceId, spans: 1, failed: true }]);
    await tracing.shutdown();
  });
});
