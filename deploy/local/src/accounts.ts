import { run, type Account } from './command.js';

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The system account of that name, or undefined when there is none. */
export async function findAccount(name: string): Promise<Account | undefined> {
  const uid = await run('id', ['-u', name]).catch(() => undefined);
  const gid = await run('id', ['-g', name]).catch(() => undefined);
  return uid && gid ? { name, uid: Number(uid), gid: Number(gid) } : undefined;
}

/** Runs a program as root: directly, or through a sudo that asks for no password. */
export function runAsRoot(program: string, args: string[]): Promise<string> {
  return isRoot() ? run(program, args) : run('sudo', ['-n', program, ...args]);
}
