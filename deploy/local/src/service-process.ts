import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceName } from './certificates.js';
import { lastLines } from './command.js';
import { OperatorError } from './operator-error.js';

export interface ServiceOptions {
  name: ServiceName;
  root: string;
  logs: string;
  adminPort: number;
  env: Record<string, string>;
  /** Called when the process ends and nobody asked it to. */
  onDeath: (fault: OperatorError) => void;
}

// A service drains within 10 s (SHUTDOWN_TIMEOUT_MS); after that it is not going to.
const stopTimeoutMs = 12_000;
const readyTimeoutMs = 30_000;

/** One service of the stack, run as it runs everywhere else: its main.js and its environment. */
export class ServiceProcess {
  readonly name: ServiceName;
  readonly logFile: string;
  private child: ChildProcess | undefined;
  private exit: Promise<string> = Promise.resolve('it was never started');
  private isReady = false;
  private isStopping = false;

  constructor(private readonly options: ServiceOptions) {
    this.name = options.name;
    this.logFile = join(options.logs, `${options.name}.log`);
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts the process in a session of its own, so that a Ctrl-C does not reach it before its turn to stop. */
  start(): void {
    const { name, root, env, onDeath } = this.options;
    if (existsSync(this.logFile)) renameSync(this.logFile, `${this.logFile}.previous`);
    const log = openSync(this.logFile, 'a', 0o600);
    const child = spawn(process.execPath, [mainFile(root, name)], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.child = child;
    this.isReady = false;
    this.isStopping = false;
    this.exit = new Promise((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('exit', (code, signal) => {
        const reason = signal ?? `code ${code}`;
        if (this.isReady && !this.isStopping) onDeath(this.failure(`ended by itself (${reason})`));
        resolve(reason);
      });
    });
  }

  /** Resolves when the service takes traffic. Throws OperatorError when it ends or stays not ready. */
  async waitUntilReady(stopping: AbortSignal): Promise<void> {
    const deadline = Date.now() + readyTimeoutMs;
    let last = 'it does not answer';
    while (Date.now() < deadline) {
      stopping.throwIfAborted();
      if (this.hasEnded()) throw this.failure(`ended while it started (${await this.exit})`);
      const { ready, detail } = await this.readiness();
      if (ready) {
        this.isReady = true;
        return;
      }
      last = detail ?? last;
      await delay(25);
    }
    throw this.failure(`is not ready after ${readyTimeoutMs / 1000} s (${last})`);
  }

  /** Asks the process to drain, and ends it when it does not. */
  async stop(): Promise<void> {
    const { child } = this;
    if (!child || this.hasEnded()) return;
    this.isStopping = true;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await this.exit;
    clearTimeout(timer);
  }

  private hasEnded(): boolean {
    return (
      this.child?.pid === undefined ||
      this.child.exitCode !== null ||
      this.child.signalCode !== null
    );
  }

  /** What to tell a person about this service's end, with the last lines it logged. */
  private failure(what: string): OperatorError {
    const lines = lastLines(readFileSync(this.logFile, 'utf8'), 15);
    return new OperatorError(`${this.name} ${what}. The last lines of ${this.logFile}:\n${lines}`);
  }

  private async readiness(): Promise<{ ready: boolean; detail?: string }> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.options.adminPort}/readyz`);
      return { ready: response.ok, detail: await response.text() };
    } catch {
      return { ready: false };
    }
  }
}

/** The file a service is started from. */
export function mainFile(root: string, name: ServiceName): string {
  return join(root, 'services', name, 'dist', 'main.js');
}
