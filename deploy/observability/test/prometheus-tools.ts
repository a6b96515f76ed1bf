import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureProgram } from '@capstone/testing/program';

const run = promisify(execFile);

/** Makes sure that prometheus, promtool and amtool can be run; installs Debian's packages where that needs no password. */
export async function preparePrometheus(): Promise<void> {
  await ensurePackage('prometheus', ['prometheus', 'promtool']);
  await ensurePackage('prometheus-alertmanager', ['amtool']);
}

function ensurePackage(debianPackage: string, programs: readonly string[]): Promise<void> {
  const names = programs.join(' and ');
  return ensureProgram({
    isInstalled: async () => (await Promise.all(programs.map(isRunnable))).every(Boolean),
    debianPackage,
    advice: `There is no ${names}: install the package "${debianPackage}" of Debian or Ubuntu, or put ${names} of prometheus.io on the PATH.`,
  });
}

function isRunnable(program: string): Promise<boolean> {
  return run(program, ['--version']).then(
    () => true,
    () => false,
  );
}

export interface Verdict {
  readonly ok: boolean;
  readonly output: string;
}

export function amtool(args: readonly string[]): Promise<Verdict> {
  return judge('amtool', args, {});
}

/** Runs promtool in a folder with `files`. */
export function promtool(
  args: readonly string[],
  files: Readonly<Record<string, string>> = {},
): Promise<Verdict> {
  return judge('promtool', args, files);
}

/** Resolves to what the program printed, whether it was content or not. */
async function judge(
  program: string,
  args: readonly string[],
  files: Readonly<Record<string, string>>,
): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), 'capstone-promtool-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    const { stdout, stderr } = await run(program, [...args], {
      cwd: folder,
      maxBuffer: 64 * 2 ** 20,
    });
    return { ok: true, output: stdout + stderr };
  } catch (error) {
    const { stdout = '', stderr = String(error) } = error as { stdout?: string; stderr?: string };
    return { ok: false, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
