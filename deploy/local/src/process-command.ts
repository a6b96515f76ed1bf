import { existsSync, readFileSync } from 'node:fs';
import { run } from './command.js';

/** The command line of a running process; undefined when there is none of that id. */
export async function processCommand(pid: number): Promise<string | undefined> {
  if (existsSync('/proc/self/cmdline')) {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || undefined;
    } catch {
      return undefined;
    }
  }
  return run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => undefined);
}
