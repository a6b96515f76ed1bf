import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Load, Outcome } from './load.ts';
import { startSystem } from './system.ts';

/**
 * What tracing costs: CPU time of the api per request with tracing off, 1 % and all of it sampled, export to a collector
 * included. The three run side by side and are measured in turn, many short rounds, the best of each: a busy neighbour can
 * only make a round worse. At 1 % it may cost 5 % more than off.
 */
const rounds = 16;
const roundMs = 1_000;
const mostAtOnePercent = 1.05;

const root = fileURLToPath(new URL('../../..', import.meta.url));
const collector = createServer((request, response) => {
  request.resume().on('end', () => response.end('{}'));
}).listen(0, '127.0.0.1');
await once(collector, 'listening');
const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
const sampled = (ratio: string, prefix: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  TRACE_SAMPLE_RATIO: ratio,
  REDIS_KEY_PREFIX: `capstone-bench-${prefix}`,
});

const load = fork(fileURLToPath(new URL('load.ts', import.meta.url)));
const modes = [
  { name: 'off', system: await startSystem(root, { REDIS_KEY_PREFIX: 'capstone-bench-off' }) },
  { name: '1 %', system: await startSystem(root, sampled('0.01', 'one')) },
  { name: '100 %', system: await startSystem(root, sampled('1', 'all')) },
];
try {
  const asked = await Promise.all(modes.map(({ system }) => readOf(system)));
  const micros = modes.map(() => Infinity);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [at, { system }] of modes.entries()) {
      const before = await system.cpuSeconds();
      const { requests } = await measure({ ...asked[at]!, forMs: roundMs });
      const cost = (((await system.cpuSeconds()) - before) / requests) * 1e6;
      // The first round warms up.
      if (round > 0) micros[at] = Math.min(micros[at]!, cost);
    }
  }
  const off = micros[0]!;
  const shares = micros.map((cost) => cost / off);
  console.log(
    `CPU time of the api for GET /tasks/{id}, the best of ${rounds} interleaved rounds, Node ${process.version}:`,
  );
  console.table(
    modes.map(({ name }, at) => ({
      sampled: name,
      'CPU µs': Number(micros[at]!.toFixed(1)),
      'of off': `${(shares[at]! * 100).toFixed(1)} %`,
    })),
  );
  if (shares[1]! > mostAtOnePercent) process.exitCode = 1;
} finally {
  load.disconnect();
  for (const { system } of modes) await system.stop();
  collector.close();
}

/** A task of one's own, to be read again and again. */
async function readOf({ origin, token }: { origin: string; token: string }) {
  const headers = { authorization: `Bearer ${token}` };
  const created = await fetch(`${origin}/api/v1/tasks`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'A task that is read very often' }),
  });
  const path = created.headers.get('location')!;
  return { origin, method: 'GET', path, headers, status: 200 } as const;
}

async function measure(what: Load): Promise<Outcome> {
  load.send(what);
  const [{ outcome, error }] = (await once(load, 'message')) as [
    { outcome?: Outcome; error?: string },
  ];
  if (!outcome) throw new Error(error);
  return outcome;
}
