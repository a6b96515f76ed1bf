import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'undici';

export interface Load {
  readonly origin: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly status: number;
  readonly forMs: number;
}

export interface Outcome {
  readonly requests: number;
  readonly seconds: number;
}

const connections = 32;

/** The load comes from a process of its own, so that its CPU time is not the server's. */
process.on('message', (load: Load) => {
  run(load).then(
    (outcome) => process.send?.({ outcome }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));

async function run(load: Load): Promise<Outcome> {
  const stop = new AbortController();
  const started = performance.now();
  const counts = Array.from({ length: connections }, () => keepAsking(load, stop.signal));
  await Promise.race([delay(load.forMs), Promise.all(counts)]);
  stop.abort();
  const requests = (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  return { requests, seconds: (performance.now() - started) / 1000 };
}

/** One connection, one request at a time. Any other status than the expected one spoils the measurement, so it ends it. */
async function keepAsking(
  { origin, method, path, headers, body, status }: Load,
  stop: AbortSignal,
) {
  const client = new Client(origin);
  try {
    let count = 0;
    while (!stop.aborted) {
      const answer = await client.request({ method, path, headers, body: body ?? null });
      const text = await answer.body.text();
      if (answer.statusCode !== status) {
        throw new Error(`${method} ${path} answered ${answer.statusCode}: ${text.slice(0, 200)}`);
      }
      count += 1;
    }
    return count;
  } finally {
    await client.close();
  }
}
