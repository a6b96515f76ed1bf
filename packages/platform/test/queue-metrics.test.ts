import { randomUUID } from 'node:crypto';
import { testRedis } from '@capstone/testing/redis';
import { waitFor } from '@capstone/testing/wait-for';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { scrape } from '../src/metric-registry.js';
import { QueueMetrics } from '../src/queue-metrics.js';
import { JobQueues } from '../src/queue.js';
import { connectRedis, disconnectRedis } from '../src/redis.js';
import { silent } from './items.js';

const server = testRedis();
const connection = {
  url: server.queueUrl('api'),
  caFile: server.caFile,
  keyPrefix: server.prefix,
  name: 'api',
  logger: silent,
};
const redis = connectRedis({ ...connection, name: 'api-queue-metrics' });
const lock = `${server.prefix}:bull:metrics-leader`;
const started: QueueMetrics[] = [];
let queues: JobQueues;

beforeAll(() => {
  queues = new JobQueues(connection);
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((one) => one.stop()));
});

afterAll(async () => {
  await queues.close();
  await disconnectRedis(redis);
  await server.flush();
});

function start() {
  const metrics = new QueueMetrics({ ...connection, queues, redis, pollMs: 100 });
  started.push(metrics);
  metrics.start();
  return metrics;
}

async function shown(pattern: RegExp) {
  return pattern.test((await scrape()).text);
}

describe('the state of the queues', () => {
  test('is told by the process that leads, and by none when it stops', async () => {
    const payload = { workspaceId: randomUUID(), documentId: randomUUID(), version: 1 };
    await queues.add('document.ingest', payload, { id: randomUUID() });
    const leader = start();

    await waitFor(() => shown(/^queue_jobs\{queue="documents",state="waiting"\} 1$/m));
    expect(await shown(/^queue_oldest_waiting_seconds\{queue="documents"\} [0-9.e-]+$/m)).toBe(
      true,
    );
    expect(await shown(/^queue_metrics_leader 1$/m)).toBe(true);
    expect(await redis.get(lock)).not.toBeNull();

    await leader.stop();
    expect(await shown(/^queue_jobs\{/m)).toBe(false);
    expect(await redis.get(lock)).toBeNull();
  });

  test('is not told while another process leads, and is as soon as that one is gone', async () => {
    await redis.set(lock, 'another process', 'PX', 60_000);
    start();
    await waitFor(() => shown(/^queue_metrics_leader 0$/m));
    expect(await shown(/^queue_jobs\{/m)).toBe(false);

    await redis.del(lock);
    await waitFor(() => shown(/^queue_metrics_leader 1$/m));
  });
});
