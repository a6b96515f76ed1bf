import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { continueTrace, openTrace, startTracing } from '@capstone/platform/tracing';
import { afterEach, describe, expect, test } from 'vitest';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const sampled = `00-${traceId}-00f067aa0ba902b7-01`;

let collector: Server | undefined;

async function collectorThat(answers: boolean) {
  const received: { path: string | undefined; body: string }[] = [];
  collector = createServer((request, response) => {
    const receive = async () => {
      received.push({ path: request.url, body: await text(request) });
      if (answers) response.end('{}');
    };
    void receive();
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const { port } = collector.address() as AddressInfo;
  return { received, endpoint: `http://127.0.0.1:${port}/` };
}

afterEach(() => {
  collector?.close();
  collector?.closeAllConnections();
});

describe('a collector', () => {
  test('gets what was sampled, at the latest when the process stops', async () => {
    const { received, endpoint } = await collectorThat(true);
    const tracing = await startTracing({ service: 'api', sampleRatio: 0, endpoint });
    continueTrace(sampled, 'GET /tasks/:id', () => {});
    continueTrace(sampled.replace(/1$/, '0'), 'not sampled', () => {});
    await tracing.shutdown();

    expect(received.map(({ path }) => path)).toEqual(['/v1/traces']);
    expect(received[0]?.body).toContain(traceId);
    expect(received[0]?.body).toContain('GET /tasks/:id');
    expect(received[0]?.body).toContain('"service.name"');
    expect(received[0]?.body).not.toContain('not sampled');
  });

  test('that never answers delays the end by no more than its timeout', async () => {
    const { endpoint } = await collectorThat(false);
    const tracing = await startTracing({ service: 'api', sampleRatio: 1, endpoint });
    continueTrace(undefined, 'job', () => {});
    const started = performance.now();
    await tracing.shutdown();
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(openTrace('after', undefined).sampled).toBe(false);
  });

  test('that is not there does no harm', async () => {
    const tracing = await startTracing({
      service: 'api',
      sampleRatio: 1,
      endpoint: 'http://127.0.0.1:1',
    });
    expect(continueTrace(undefined, 'job', () => 42)).toBe(42);
    await tracing.shutdown();
  });
});
