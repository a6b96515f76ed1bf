import { describe, expect, test, vi } from 'vitest';
import { HashingGate } from './hashing-gate.js';

describe('HashingGate', () => {
  test('runs as many as it may at once, and the rest in the order they came', async () => {
    const gate = new HashingGate({ concurrency: 2, queue: 2, waitMs: 1_000 });
    const jobs = [job(), job(), job(), job()];
    const results = jobs.map((each) => gate.run(each.work));

    await vi.waitFor(() => expect(started(jobs)).toEqual([true, true, false, false]));
    jobs[0]!.finish();
    await vi.waitFor(() => expect(started(jobs)).toEqual([true, true, true, false]));

    for (const each of jobs) each.finish();
    await Promise.all(results);
  });

  test('refuses at once what the queue has no room for, with a time to come back', async () => {
    const gate = new HashingGate({ concurrency: 1, queue: 1, waitMs: 2_000 });
    const [running, waiting] = [job(), job()];
    const results = [gate.run(running.work), gate.run(waiting.work)];

    await expect(gate.run(job().work)).rejects.toMatchObject({
      code: 'overloaded',
      retryAfterSeconds: 2,
    });
    running.finish();
    waiting.finish();
    await Promise.all(results);
  });

  test('refuses who waited too long, and keeps the place of the running one', async () => {
    const gate = new HashingGate({ concurrency: 1, queue: 1, waitMs: 5 });
    const [running, late] = [job(), job()];
    const result = gate.run(running.work);

    await expect(gate.run(late.work)).rejects.toMatchObject({ code: 'overloaded' });
    running.finish();
    await result;

    expect(late.started).toBe(false);
    await expect(gate.run(() => Promise.resolve('free again'))).resolves.toBe('free again');
  });

  test('gives the place back when the work fails', async () => {
    const gate = new HashingGate({ concurrency: 1, queue: 0, waitMs: 5 });

    await expect(gate.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(gate.run(() => Promise.resolve('next'))).resolves.toBe('next');
  });
});

function job() {
  const gate = Promise.withResolvers<void>();
  const self = {
    started: false,
    finish: gate.resolve,
    work: () => {
      self.started = true;
      return gate.promise;
    },
  };
  return self;
}

function started(jobs: readonly { started: boolean }[]) {
  return jobs.map((each) => each.started);
}
