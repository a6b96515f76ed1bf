import { OperatorError } from './operator-error.js';

/**
 * Runs one command line to its end. A fault that a person can mend is printed as its one sentence, any other with
 * its stack; both end in exit code 1.
 */
export async function runCommand(
  command: (args: string[]) => Promise<number | void>,
): Promise<void> {
  try {
    process.exitCode = (await command(process.argv.slice(2))) ?? 0;
  } catch (error) {
    console.error(isForPerson(error) ? error.message : error);
    process.exitCode = 1;
  }
}

// parseArgs names the unknown flag in its message.
function isForPerson(error: unknown): error is Error {
  if (error instanceof OperatorError) return true;
  return (
    error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  );
}
