import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { asAccount, lastLines, type Account } from './command.js';

export interface ServerCommand {
  name: string;
  program: string;
  args: string[];
  account: Account | undefined;
  logFile: string;
  /** Resolves when the server answers; rejects while it does not. */
  probe: () => Promise<void>;
}

/**
 * Starts a server that outlives this process and waits until it answers. It gets its own session, so that a
 * Ctrl-C in the terminal reaches only the command, which then stops things in the right order.
 */
export async function startServer(server: ServerCommand): Promise<void> {
  const log = openSync(server.logFile, 'a', 0o600);
  const child = spawn(server.program, server.args, {
    ...asAccount(server.account),
    cwd: '/',
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  let ended: string | undefined;
  child.on('exit', (code, signal) => (ended = `${code ?? signal}`));
  child.on('error', (error) => (ended = error.message));
  child.unref();

  let lastError: unknown;
  const deadline = Date.now() + 60_000; // recovery after a crash takes its time
  while (Date.now() < deadline) {
    if (ended !== undefined) {
      throw new Error(`${server.name} did not start (${ended}):\n${tail(server.logFile)}`);
    }
    try {
      await server.probe();
      return;
    } catch (error) {
      lastError = error;
      await delay(25);
    }
  }
  throw new Error(`${server.name} does not answer:\n${tail(server.logFile)}`, { cause: lastError });
}

/** Resolves once nothing listens on the port of this machine any more. */
export async function waitUntilClosed(port: number): Promise<void> {
  while (await isListening(port)) await delay(25);
}

/** Whether something on this machine accepts connections on the port. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function tail(file: string): string {
  return lastLines(readFileSync(file, 'utf8'), 15);
}
