import { randomUUID } from 'node:crypto';
import { testRedis } from '@capstone/testing/redis';
import { startTcpProxy } from '@capstone/testing/tcp-proxy';
import { waitFor } from '@capstone/testing/wait-for';
import { Queue } from 'bullmq';
import type { Job } from 'bullmq';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { JobConsumer } from '../src/job-consumer.js';
import type { JobConsumerOptions, JobHandler } from '../src/job-consumer.js';
import { Problem } from '../src/problem.js';
import { JobQueues } from '../src/queue.js';
import { connectRedis, disconnectRedis } from '../src/redis.js';
import { currentTraceId } from '../src/tracing.js';
import { silent } from './items.js';

type Consumer = JobConsumer<'documents'>;
type Ingest = JobHandler<'document.ingest'>;

const server = testRedis();
const connection = (user: 'api' | 'worker', url = server.queueUrl(user)) => ({
  url,
  caFile: server.caFile,
  keyPrefix: server.prefix,
  name: user,
  logger: silent,
});
const raw = connectRedis({ ...connection('api'), url: server.queueUrl('admin') });
const rawQueue = (name: string) =>
  new Queue(name, { connection: raw, prefix: `${server.prefix}:bull` });

let queues: JobQueues;
let documents: Queue;
let deadLetters: Queue;
const consumers: Consumer[] = [];

beforeAll(() => {
  queues = new JobQueues(connection('api'));
  documents = rawQueue('documents');
  deadLetters = rawQueue('dead-letters');
});

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.drain()));
  await documents.drain(true);
});

afterAll(async () => {
  await queues.close();
  await disconnectRedis(raw);
  await server.flush();
});

function consume(ingest: Ingest, options: Partial<JobConsumerOptions<'documents'>> = {}) {
  const consumer = new JobConsumer({
    ...connection('worker'),
    queue: 'documents',
    handlers: { 'document.ingest': ingest, 'document.purge': async () => undefined },
    concurrency: 2,
    drainTimeoutMs: 100,
    ...options,
  });
  consumers.push(consumer);
  consumer.start();
  return consumer;
}

const payload = () => ({ workspaceId: randomUUID(), documentId: randomUUID(), version: 1 });
const letterOf = (id: string) =>
  waitFor<Job | undefined>(() => deadLetters.getJob(`dead-${id}`), { what: 'a dead letter' });

describe('a job', () => {
  test('reaches its handler with its payload, its id and its trace', async () => {
    const seen = vi.fn<(...what: unknown[]) => void>();
    consume(async (job, { id, attempt, signal }) => {
      seen(job, id, attempt, signal.aborted, currentTraceId());
    });
    const [id, traceId, content] = [randomUUID(), '0af7651916cd43dd8448eb211c80319c', payload()];

    const traceparent = `00-${traceId}-b7ad6b7169203331-00`;
    await queues.add('document.ingest', content, { id, traceparent });

    await waitFor(() => seen.mock.calls.length > 0);
    expect(seen).toHaveBeenCalledExactlyOnceWith(content, id, 1, false, traceId);
  });

  test('that is added twice runs once, also when the first run is over', async () => {
    const seen = vi.fn<Ingest>(async () => undefined);
    consume(seen);
    const [first, second] = [randomUUID(), randomUUID()];

    await queues.add('document.ingest', payload(), { id: first });
    await queues.add('document.ingest', payload(), { id: first });
    await waitFor(() => documents.getJob(first).then((job) => job?.isCompleted()));
    await queues.add('document.ingest', payload(), { id: first });
    await queues.add('document.ingest', payload(), { id: second });
    await waitFor(() => documents.getJob(second).then((job) => job?.isCompleted()));

    expect(seen.mock.calls.map(([, job]) => job.id)).toEqual([first, second]);
  });

  test('with a payload that is not its own is refused at once', async () => {
    const forged = { ...payload(), version: 0 };

    await expect(queues.add('document.ingest', forged, { id: randomUUID() })).rejects.toMatchObject(
      { name: 'ZodError' },
    );
  });

  test('whose payload was forged in Redis is put aside and not run', async () => {
    const seen = vi.fn<Ingest>(async () => undefined);
    consume(seen);
    const id = randomUUID();

    const data = { payload: { ...payload(), evil: true } };
    await documents.add('document.ingest', data, { jobId: id, attempts: 5 });

    expect((await letterOf(id))?.data).toMatchObject({
      ...data,
      queue: 'documents',
      attempts: 1,
      reason: 'The payload is not valid for the job.',
    });
    expect(seen).not.toHaveBeenCalled();
  });

  test('that fails is tried again after a while', async () => {
    const attempts: number[] = [];
    consume(async (_payload, { attempt }) => {
      attempts.push(attempt);
      if (attempt === 1) throw new Problem('dependency-unavailable');
    });
    const id = randomUUID();

    await queues.add('document.ingest', payload(), { id });

    await waitFor(() => documents.getJob(id).then((job) => job?.isCompleted()));
    expect(attempts).toEqual([1, 2]);
  });

  test('that no repetition can mend is put aside after one attempt', async () => {
    const seen = vi.fn<Ingest>(async () => {
      throw new Problem('unsupported-document');
    });
    consume(seen);
    const id = randomUUID();

    await queues.add('document.ingest', payload(), { id });

    expect((await letterOf(id))?.data).toMatchObject({
      reason: 'unsupported-document: This document cannot be read',
    });
    expect(seen).toHaveBeenCalledOnce();
    expect(await queues.counts()).toMatchObject({
      'dead-letters': { waiting: expect.any(Number) },
    });
  });

  test('is put aside after its last attempt', async () => {
    const seen = vi.fn<Ingest>(async () => {
      throw new Error('a bug');
    });
    consume(seen);
    const id = randomUUID();

    await documents.add('document.ingest', { payload: payload() }, { jobId: id, attempts: 2 });

    expect((await letterOf(id))?.data).toMatchObject({ reason: 'a bug', attempts: 2 });
    expect(seen).toHaveBeenCalledTimes(2);
  });

  test('that this release does not know is left for one that does', async () => {
    consume(async () => undefined);
    const id = randomUUID();

    await documents.add(
      'document.translate',
      { payload: {} },
      { jobId: id, attempts: 2, backoff: 60_000 },
    );

    await waitFor(() => documents.getJob(id).then((job) => job?.isDelayed()));
  });
});

describe('draining', () => {
  test('waits for the jobs that run and takes no more', async () => {
    const finish = Promise.withResolvers<void>();
    const started: string[] = [];
    const consumer = consume(
      async (_payload, { id }) => {
        started.push(id);
        await finish.promise;
      },
      { concurrency: 1, drainTimeoutMs: 5_000 },
    );
    const [running, waiting] = [randomUUID(), randomUUID()];
    await queues.add('document.ingest', payload(), { id: running });
    await waitFor(() => started.length === 1);

    const drained = consumer.drain();
    await queues.add('document.ingest', payload(), { id: waiting });
    finish.resolve();
    await drained;

    expect(started).toEqual([running]);
    expect(await documents.getJob(running).then((job) => job?.isCompleted())).toBe(true);
    expect(await documents.getJob(waiting).then((job) => job?.isWaiting())).toBe(true);
  });

  test('puts a job that takes too long back, with no attempt spent', async () => {
    const started = Promise.withResolvers<void>();
    const consumer = consume(
      (_payload, { signal }) =>
        new Promise((_resolve, reject) => {
          started.resolve();
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    const id = randomUUID();
    await queues.add('document.ingest', payload(), { id });
    await started.promise;

    await consumer.drain();
    const attempts: number[] = [];
    consume(async (_payload, { attempt }) => void attempts.push(attempt));

    await waitFor(() => attempts.length > 0, { what: 'another consumer to take the job' });
    expect(attempts).toEqual([1]);
  });

  test('ends in time although a job hears nothing', async () => {
    const finish = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const consumer = consume(async () => {
      started.resolve();
      await finish.promise;
    });
    await queues.add('document.ingest', payload(), { id: randomUUID() });
    await started.promise;

    const before = performance.now();
    await consumer.drain();

    expect(performance.now() - before).toBeLessThan(2_500);
    finish.resolve();
  });
});

describe('when Redis is gone', () => {
  test('adding fails in bounded time, and succeeds when it is back', async () => {
    const proxy = await startTcpProxy(server.queueUrl('api'));
    const lonely = new JobQueues(connection('api', proxy.url));
    await lonely.add('document.ingest', payload(), { id: randomUUID() });
    const add = () => lonely.add('document.ingest', payload(), { id: randomUUID() });

    proxy.cut();
    const before = performance.now();
    await expect(add()).rejects.toMatchObject({ code: 'dependency-unavailable' });
    expect(performance.now() - before).toBeLessThan(6_000);

    proxy.restore();
    await waitFor(() => add().then(() => true), { what: 'an accepted job' });
    await lonely.close();
    await proxy.close();
  });

  test('adding fails in bounded time although it was never there', async () => {
    const proxy = await startTcpProxy(server.queueUrl('api'));
    proxy.cut();
    const lonely = new JobQueues(connection('api', proxy.url));
    const add = () => lonely.add('document.ingest', payload(), { id: randomUUID() });

    await expect(add()).rejects.toMatchObject({ code: 'dependency-unavailable' });

    proxy.restore();
    await waitFor(() => add().then(() => true), { what: 'an accepted job' });
    await lonely.close();
    await proxy.close();
  });

  test('a consumer waits for it and then goes on', async () => {
    const proxy = await startTcpProxy(server.queueUrl('worker'));
    const seen: string[] = [];
    consume(async (_payload, { id }) => void seen.push(id), connection('worker', proxy.url));
    const [before, meanwhile] = [randomUUID(), randomUUID()];
    await queues.add('document.ingest', payload(), { id: before });
    await waitFor(() => seen.includes(before));

    proxy.cut();
    await queues.add('document.ingest', payload(), { id: meanwhile });
    proxy.restore();

    await waitFor(() => seen.includes(meanwhile), { what: 'the job', timeoutMs: 20_000 });
    await Promise.all(consumers.splice(0).map((consumer) => consumer.drain()));
    await proxy.close();
  });

  test('a consumer that lost it gives its job to another, and drains in time', async () => {
    const proxy = await startTcpProxy(server.queueUrl('worker'));
    const finish = Promise.withResolvers<void>();
    const seen: string[] = [];
    // Under a prefix of its own: how often stalled jobs are looked for is agreed among all consumers of a queue.
    const keyPrefix = `${server.prefix}-stalled`;
    const apart = new JobQueues({ ...connection('api'), keyPrefix });
    const cutOff = consume(
      async () => {
        seen.push('cut off');
        await finish.promise;
      },
      { ...connection('worker', proxy.url), keyPrefix, lockDurationMs: 900 },
    );
    await apart.add('document.ingest', payload(), { id: randomUUID() });
    await waitFor(() => seen.length === 1);

    proxy.cut();
    consume(async () => void seen.push('other'), { keyPrefix, lockDurationMs: 900 });
    await waitFor(() => seen.length === 2, { what: 'the other consumer' });
    const before = performance.now();
    await cutOff.drain();

    expect(seen).toEqual(['cut off', 'other']);
    expect(performance.now() - before).toBeLessThan(3_000);
    finish.resolve();
    await apart.close();
    await proxy.close();
  });
});
