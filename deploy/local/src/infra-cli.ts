import { parseArgs } from 'node:util';
import { keepRunning, startInfra, stopInfra } from './infra.js';
import { OperatorError } from './operator-error.js';
import { runCommand } from './run-command.js';

const usage = 'usage: node deploy/local/dist/infra-cli.js up|down [--profile local|test] [--reset]';

await runCommand(async (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      profile: { type: 'string', default: 'test' },
      reset: { type: 'boolean', default: false },
    },
  });
  const { profile, reset } = values;
  if (profile !== 'local' && profile !== 'test') throw new OperatorError(usage);
  const root = process.cwd();
  const [action] = positionals;
  if (action === 'down') {
    await stopInfra({ profile, root });
  } else if (action === 'up') {
    const infra = await startInfra({ profile, root, reset, onStep: console.log });
    keepRunning({ profile, root });
    await infra.stop();
    const { version, pgvector, port } = infra.postgres;
    console.log(`Postgres ${version} with pgvector ${pgvector} listens on port ${port}.`);
  } else {
    throw new OperatorError(usage);
  }
});
