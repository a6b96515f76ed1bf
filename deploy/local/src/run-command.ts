import { MigrationError } from '@capstone/platform/migrate';
import { CommandFailed } from './command.js';
import { OperatorError } from './operator-error.js';

/** What a command returns when Ctrl-C came before it was done. */
export const interruptedExitCode = 130;

/**
 * Runs one command line to its end. `stopping` aborts at the first SIGINT, SIGTERM or SIGHUP, and when the process
 * that handed over has gone; later signals change nothing. A fault that a person can mend is printed as its one
 * sentence, any other with its stack; both end in exit code 1.
 */
export async function runCommand(
  command: (args: string[], stopping: AbortSignal) => Promise<number | void>,
): Promise<void> {
  // A reader that goes away, as in `npm start | head`, is no reason to leave things running.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    process.exitCode = (await command(process.argv.slice(2), stopSignal())) ?? 0;
  } catch (error) {
    console.error(sentenceFor(error) ?? error);
    process.exitCode = 1;
  }
  if (process.connected) process.disconnect();
}

function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => controller.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  if (process.connected) {
    process.on('disconnect', stop);
    process.channel?.unref();
  }
  return controller.signal;
}

const tellable = [OperatorError, MigrationError, CommandFailed];

/** The one sentence for a fault that a person can mend; undefined for any other. */
function sentenceFor(error: unknown): string | undefined {
  if (tellable.some((kind) => error instanceof kind)) return (error as Error).message;
  if (!(error instanceof TypeError) || !('code' in error)) return undefined;
  // parseArgs: the first sentence names the flag, the rest is about positional arguments.
  const isFlag = String(error.code).startsWith('ERR_PARSE_ARGS');
  return isFlag ? `${error.message.split('. ')[0]}: try --help.` : undefined;
}
