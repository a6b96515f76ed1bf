import { parseArgs } from 'node:util';
import { demoCorpus } from './demo-corpus.js';
import { OperatorError } from './operator-error.js';
import { startPrometheus, withoutPrometheus } from './prometheus.js';
import type { LocalPrometheus } from './prometheus.js';
import { interruptedExitCode, runCommand } from './run-command.js';
import { seedDemo } from './seed.js';
import { parsePortOffset, stackPorts } from './stack-ports.js';
import { Stack } from './stack.js';
import { seconds, step } from './steps.js';
import { welcome } from './welcome.js';

const usage = `Starts the whole system on this machine and stops it again with Ctrl-C.

  npm start                           start; the data of the last time is there again
  npm start -- --reset                begin afresh: forget the data and the certificates
  npm start -- --port-offset 100      move every port, API 8080 to 8180 and so on
  npm start -- --observability        with a Prometheus beside it: rules, alerts, queries

  CAPSTONE_INFRA=native|docker|external   insist on one kind of Postgres and Redis (deploy/README.md)`;

await runCommand(async (args, stopping) => {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', default: false },
      reset: { type: 'boolean', default: false },
      'port-offset': { type: 'string', default: '0' },
      observability: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }

  const startedAt = performance.now();
  const root = process.cwd();
  const ports = stackPorts(parsePortOffset(values['port-offset']));
  const death = Promise.withResolvers<OperatorError>();
  const stack = new Stack({
    root,
    ports,
    reset: values.reset,
    onStep: console.log,
    stopping,
    onDeath: death.resolve,
  });

  let prometheus: LocalPrometheus | undefined;
  try {
    await stack.start();
    const api = `http://localhost:${ports.http}/api/v1`;
    const demo = await step(console.log, 'Signed in the demo user', () =>
      seedDemo(api, stack.infra.demoPassword, demoCorpus(root)),
    );
    if (values.observability) prometheus = await startPrometheus(root, ports);
    console.log(welcome({ ports, demo, logs: stack.logs, ready: seconds(startedAt) }));
    if (values.observability) console.log(observability(prometheus));
  } catch (error) {
    await stack.stop();
    if (stopping.aborted) return interruptedExitCode;
    throw error;
  }

  const fault = await Promise.race([death.promise, aborted(stopping)]);
  console.log('\nStopping …');
  await prometheus?.stop();
  await stack.stop();
  if (fault) throw fault;
  console.log('Stopped. The data stays in .capstone/local.');
  return 0;
});

function observability(prometheus: LocalPrometheus | undefined): string {
  if (!prometheus) return `\n${withoutPrometheus}`;
  return `\n  Prometheus ${prometheus.url}/graph, alerts at ${prometheus.url}/alerts; traces with pnpm trace`;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
