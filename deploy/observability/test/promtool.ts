import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureProgram } from '@capstone/testing/program';

const run = promisify(execFile);

/** Makes sure that prometheus and promtool can be run; installs Debian's package where that needs no password. */
export function preparePrometheus(): Promise<void> {
  return ensureProgram({
    isInstalled,
    debianPackage: 'prometheus',
    advice:
      'Prometheus is missing: install the package "prometheus" of Debian or Ubuntu, or put prometheus and promtool of prometheus.io on the PATH.',
  });
}

async function isInstalled(): Promise<boolean> {
  const found = await Promise.allSettled([
    run('promtool', ['--version']),
    run('prometheus', ['--version']),
  ]);
  return found.every(({ status }) => status === 'fulfilled');
}

/** Runs promtool in a folder with `files`; resolves to what it printed, whether it was content or not. */
export async function promtool(
  args: readonly string[],
  files: Readonly<Record<string, string>> = {},
): Promise<{ ok: boolean; output: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'capstone-promtool-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    const { stdout, stderr } = await run('promtool', [...args], {
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
