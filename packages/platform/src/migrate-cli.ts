import { loadMigrateConfig } from './config.js';
import { createLogger } from './log.js';
import { migrate } from './migrate.js';

/** `node migrate-cli.js app=services/api/migrations search=services/worker/migrations`, in that order. */
async function main(targets: readonly string[]) {
  const config = loadMigrateConfig();
  const logger = createLogger({ service: 'migrate', level: config.log.level });
  if (targets.length === 0) throw new Error('Name what to migrate: schema=directory, one or more.');
  for (const target of targets) {
    const [schema, directory] = target.split('=');
    if (!schema || !directory) throw new Error(`${target} is not schema=directory.`);
    const { applied } = await migrate({ ...config.database, schema, directory, logger });
    logger.info({ schema, applied: applied.length }, 'schema is current');
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
