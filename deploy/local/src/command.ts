import { spawn } from 'node:child_process';

export interface Account {
  name: string;
  uid: number;
  gid: number;
}

export interface CommandOptions {
  account?: Account | undefined;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
}

/** A program that ended with a code other than 0; the message ends with the last lines it printed. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';

  constructor(
    readonly command: string,
    readonly exitCode: number | null,
    readonly output: string,
  ) {
    super(`${command} ended with ${exitCode ?? 'a signal'}:\n${lastLines(output, 20)}`);
  }
}

/** Runs a program to its end, in its own process group, and returns stdout. Throws CommandFailed. */
export function run(
  program: string,
  args: string[],
  options: CommandOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...asAccount(options.account),
      ...(options.cwd ? { cwd: options.cwd } : {}),
      env: options.env ?? process.env,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    let stdout = '';
    let everything = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      everything += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      everything += chunk.toString();
    });
    child.stdin?.end(options.input);
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(stdout) : reject(new CommandFailed(program, code, everything)),
    );
  });
}

/** The uid and gid for spawn; empty when the program runs as the current user. */
export function asAccount(account: Account | undefined): { uid?: number; gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {};
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
