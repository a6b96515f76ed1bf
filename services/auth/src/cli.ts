import { runCommandLine } from './commands/command-line.js';
import { loadConfig } from './config.js';

/** `node dist/cli.js keys list`, with the settings of the service. `pnpm capstone` does it for the local stack. */
try {
  process.exitCode = await runCommandLine(process.argv.slice(2), loadConfig, print);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  // Connections that were opened before the fault would keep the process.
  process.exit(1);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
