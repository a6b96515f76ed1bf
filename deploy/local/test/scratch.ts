import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../../..', import.meta.url));

/** An empty folder that stands for a checkout of its own: nothing in it is shared with the one under test. */
export class Scratch {
  readonly root = mkdtempSync(join(tmpdir(), 'capstone-local-'));

  constructor() {
    chmodSync(this.root, 0o755); // Postgres runs under an account of its own where the tests run as root
    symlinkSync(join(checkout, 'services'), join(this.root, 'services'));
  }

  /** Runs a command of the local stack as a process, with nothing of this machine's CAPSTONE settings. */
  run(command: 'start' | 'infra-cli', args: string[], env: Record<string, string> = {}): Command {
    return new Command(this.root, command, args, env);
  }

  /** The living processes that run something of this folder. */
  processes(): { pid: number; command: string }[] {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map((pid) => ({ pid: Number(pid), command: commandLine(pid) }))
      .filter(({ command }) => command.includes(this.root));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** One command line that runs. */
export class Command {
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | null>;
  private readonly child;

  constructor(root: string, command: string, args: string[], env: Record<string, string>) {
    const script = join(checkout, 'deploy/local/dist', `${command}.js`);
    const clean = Object.entries(process.env).filter(([key]) => !key.startsWith('CAPSTONE_'));
    this.child = spawn(process.execPath, [script, ...args], {
      cwd: root,
      env: { ...Object.fromEntries(clean), ...env },
    });
    this.child.stdout.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.ended = new Promise((resolve) => this.child.on('close', resolve));
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it ended meanwhile
  }
}
