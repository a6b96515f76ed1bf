import { readFileSync } from 'node:fs';
import { waitFor } from '@capstone/testing/wait-for';
import { Queue, QueueEvents, UnrecoverableError, Worker, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import type { RedisUser } from '../src/redis-acl.js';
import type { RedisAddress } from '../src/servers.js';

/** Every kind of work the services ask of BullMQ, and what a person does to a queue by hand. */
export async function exerciseQueue(queue: RedisAddress): Promise<void> {
  const tls = { ca: readFileSync(queue.caFile ?? '') };
  const connect = (user: RedisUser) =>
    new Redis(queue.urlFor(user), { tls, maxRetriesPerRequest: null });
  const prefix = 'capstone-exercise:bull';
  const api = connect('api');
  const worker = connect('worker');
  const jobs = new Queue('exercise', { connection: api, prefix });
  const events = new QueueEvents('exercise', { connection: worker, prefix });
  const consumer = new Worker('exercise', attempt, { connection: worker, prefix });
  try {
    const retried = { attempts: 2, backoff: { type: 'exponential', delay: 1, jitter: 0.5 } };
    await jobs.upsertJobScheduler('repeated', { every: 3_600_000 }, { name: 'plain' });
    await jobs.addBulk([
      { name: 'failing', data: {}, opts: retried },
      { name: 'hopeless', data: {} },
      { name: 'plain', data: {}, opts: { delay: 1 } },
      { name: 'plain', data: {}, opts: { priority: 1 } },
      { name: 'plain', data: {}, opts: { deduplication: { id: 'once', ttl: 1_000 } } },
    ]);
    await waitFor(async () => (await jobs.getFailedCount()) === 2, { what: 'two failures' });
    await waitFor(async () => (await jobs.getCompletedCount()) >= 3, { what: 'the rest' });
    await jobs.removeJobScheduler('repeated');
    await jobs.retryJobs();
    await jobs.exportPrometheusMetrics();
    await jobs.pause();
    await jobs.drain(true);
    await jobs.clean(0, 100, 'completed');
    await jobs.obliterate({ force: true });
  } finally {
    await Promise.all([consumer.close(), events.close(), jobs.close()]);
    api.disconnect();
    worker.disconnect();
  }
}

async function attempt(job: Job): Promise<void> {
  if (job.name === 'failing') throw new Error('as asked');
  if (job.name === 'hopeless') throw new UnrecoverableError('as asked');
  await job.updateProgress(50);
}
