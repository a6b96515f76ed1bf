import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, sep } from 'node:path';

export interface ProcessUse {
  /** One of the services, postgres or redis. */
  readonly group: string;
  readonly pid: number;
  readonly cpuSeconds: number;
  readonly residentMiB: number;
}

export interface MachineUse {
  readonly busySeconds: number;
  readonly stolenSeconds: number;
  readonly totalSeconds: number;
}

/** The processes of the system itself. */
export const services = ['api', 'auth', 'worker'] as const;

/** Linux counts processor time in hundredths of a second, on every architecture Node runs on. */
const ticksPerSecond = 100;
const pageMiB = 4 / 1024;

/** Is there a /proc to read? Elsewhere, what processes use is known from their metrics only. */
export const canSeeProcesses = process.platform === 'linux';

/**
 * The processes of the system under test on this machine, with what they have used so far: its services by the file they
 * run, its Postgres and Redis by the folder their data lies in, which is inside of `root`.
 */
export function readProcesses(root: string): ProcessUse[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const group = groupOf(name, root);
    const use = group === undefined ? undefined : readUse(Number(name));
    return use ? [{ group: group!, ...use }] : [];
  });
}

/** Undefined when the process is gone. */
export function readUse(pid: number): Omit<ProcessUse, 'group'> | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the name in brackets and may hold spaces, so count from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { pid, cpuSeconds: ticks / ticksPerSecond, residentMiB: Number(fields[21]) * pageMiB };
}

export function readMachine(): MachineUse {
  const [first = ''] = (read('/proc/stat') ?? '').split('\n');
  const ticks = first.split(/\s+/).slice(1, 9).map(Number);
  const [, , , idle = 0, waiting = 0, , , stolen = 0] = ticks;
  const total = ticks.reduce((sum, value) => sum + value, 0);
  return {
    busySeconds: (total - idle - waiting - stolen) / ticksPerSecond,
    stolenSeconds: stolen / ticksPerSecond,
    totalSeconds: total / ticksPerSecond,
  };
}

/** Which program a running process is, as far as one may ask. */
export function programOf(pid: number): string | undefined {
  return link(`/proc/${pid}/exe`);
}

function groupOf(pid: string, root: string): string | undefined {
  const command = read(`/proc/${pid}/cmdline`)?.split('\0') ?? [];
  const service = services.find((name) => command.includes(mainFileOf(root, name)));
  if (service !== undefined) return service;
  const [, server] = /(postgres|redis)/.exec(command[0] ?? '') ?? [];
  if (server === undefined) return undefined;
  const folder = link(`/proc/${pid}/cwd`);
  return folder !== undefined && isDataOf(folder, root) ? server : undefined;
}

function mainFileOf(root: string, service: string): string {
  return join(root, 'services', service, 'dist', 'main.js');
}

/** Tests keep their own servers in a folder `test`. */
function isDataOf(folder: string, root: string): boolean {
  const own =
    folder.startsWith(`${root}${sep}.capstone${sep}`) || folder.startsWith('/var/lib/capstone/');
  return own && !folder.split(sep).includes('test');
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}

function link(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}
