import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { services, type ServiceName } from './certificates.js';
import { startInfra, type Infra } from './infra.js';
import { tryLock } from './lock.js';
import { migrateAll } from './migrate-all.js';
import { OperatorError } from './operator-error.js';
import { Profile } from './profile.js';
import { processCommand } from './process-command.js';
import { mainFile, ServiceProcess } from './service-process.js';
import { requireFree, type StackPorts } from './stack-ports.js';
import { step, type OnStep } from './steps.js';

export interface StackOptions {
  root: string;
  ports: StackPorts;
  reset: boolean;
  onStep: OnStep;
  stopping: AbortSignal;
  /** Called when a service that was ready ends by itself. */
  onDeath: (fault: OperatorError) => void;
}

const renewEveryMs = 3_600_000;

/** Every request of a person is traced and every thousandth of a load test; `pnpm trace` shows what is remembered. */
const localTracing = {
  TRACE_SAMPLE_RATIO: '0.001',
  TRACE_SAMPLE_PER_SECOND: '5',
  TRACE_RECENT_SPANS: '5000',
};

/** The whole local system: databases, migrations, the three services. Whatever it started, `stop` ends. */
export class Stack {
  private readonly profile: Profile;
  private readonly runFile: string;
  private readonly closers: (() => Promise<void> | void)[] = [];
  private processes: ServiceProcess[] = [];
  private started: Infra | undefined;

  constructor(private readonly options: StackOptions) {
    this.profile = new Profile('local', options.root);
    this.runFile = join(options.root, '.capstone', 'running.json');
  }

  get infra(): Infra {
    if (!this.started) throw new Error('the stack is not started');
    return this.started;
  }

  get logs(): string {
    return this.profile.logs;
  }

  /** Brings everything up, or throws having stopped what was up already. */
  async start(): Promise<void> {
    try {
      await this.startAll();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Starts a service anew, after its files have changed. */
  async restart(names: readonly ServiceName[]): Promise<void> {
    const affected = this.processes.filter((process) => names.includes(process.name));
    await Promise.all(affected.map((process) => process.stop()));
    for (const process of affected) process.start();
    this.remember();
    await Promise.all(affected.map((process) => process.waitUntilReady(this.options.stopping)));
  }

  /** Stops the services, then the databases; safe to call at any time and more than once. */
  async stop(): Promise<void> {
    for (const close of this.closers.splice(0).toReversed()) await close();
  }

  private async startAll(): Promise<void> {
    const { root, ports, reset, onStep, stopping } = this.options;
    this.claim();
    await this.stopLeftovers();
    await requireFree(ports);

    const infra = await startInfra({ profile: 'local', root, reset, onStep });
    this.started = infra;
    this.closers.push(() => infra.stop());
    stopping.throwIfAborted();

    await step(onStep, 'Migrated the databases', () => migrateAll(root, infra));
    const timer = setInterval(() => void infra.certificates.renew(), renewEveryMs);
    this.closers.push(() => clearInterval(timer));
    await step(onStep, 'Started auth, api and worker', () => this.startServices());
  }

  private async startServices(): Promise<void> {
    const { root, ports, stopping, onDeath } = this.options;
    this.processes = services.map(
      (name) =>
        new ServiceProcess({
          name,
          root,
          logs: this.profile.logs,
          onDeath,
          adminPort: ports.admin[name],
          env: {
            ...this.infra.serviceEnv(name, { ...ports, admin: ports.admin[name] }),
            ...localTracing,
          },
        }),
    );
    this.closers.push(() => this.stopServices());
    for (const process of this.processes) process.start();
    this.remember();
    await Promise.all(this.processes.map((process) => process.waitUntilReady(stopping)));
  }

  // The door closes first; auth goes last, because the other two still ask it while they drain.
  private async stopServices(): Promise<void> {
    const others = this.processes.filter((process) => process.name !== 'auth');
    await Promise.all(others.map((process) => process.stop()));
    await Promise.all(this.processes.map((process) => process.stop()));
    rmSync(this.runFile, { force: true });
  }

  /** One stack per checkout: the second start says where the first one is. */
  private claim(): void {
    const lock = tryLock(join(dirname(this.runFile), 'running.lock'));
    if (!lock) {
      const { pid, http } = readRunFile(this.runFile) ?? {};
      throw new OperatorError(
        `capstone runs already from this folder, at http://localhost:${http}: use that one, or stop it with Ctrl-C or "kill ${pid}".`,
      );
    }
    this.closers.push(() => lock.release());
  }

  private remember(): void {
    const pids = this.processes.map(({ name, pid }) => ({ name, pid }));
    mkdirSync(dirname(this.runFile), { recursive: true });
    const content = { pid: process.pid, http: this.options.ports.http, services: pids };
    writeFileSync(this.runFile, JSON.stringify(content));
  }

  /** Services outlive a start that was killed. Nothing else may be ended, so each pid must still be that service. */
  private async stopLeftovers(): Promise<void> {
    const left = readRunFile(this.runFile)?.services ?? [];
    await Promise.all(
      left.map(async ({ name, pid }) => {
        const command = await processCommand(pid);
        if (!command?.includes(mainFile(this.options.root, name))) return;
        await endProcess(pid);
        this.options.onStep(`Stopped ${name}, left running by an earlier start (process ${pid})`);
      }),
    );
    this.remember();
  }
}

interface RunFile {
  pid: number;
  http: number;
  services: { name: ServiceName; pid: number }[];
}

function readRunFile(file: string): RunFile | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunFile;
  } catch {
    return undefined; // nothing runs, or the writer was killed half-way
  }
}

async function endProcess(pid: number): Promise<void> {
  const patienceMs = 12_000;
  const deadline = Date.now() + patienceMs;
  process.kill(pid, 'SIGTERM');
  while (isAlive(pid)) {
    if (Date.now() > deadline) process.kill(pid, 'SIGKILL');
    await delay(50);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
