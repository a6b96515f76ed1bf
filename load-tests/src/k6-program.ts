import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { OperatorError } from './operator-error.js';

const run = promisify(execFile);

/** What is installed where no k6 is. Newer ones of the same major are taken as they are. */
const version = '2.2.0';
const goModule = 'go.k6.io/k6/v2';
const image = `docker.io/grafana/k6:${version}`;

export interface K6Program {
  readonly source: 'PATH' | 'go' | 'container';
  readonly version: string;
  /** The words before `run`. Paths below `root` are the same inside and outside of a container. */
  readonly command: readonly [program: string, ...args: string[]];
}

/** On the PATH, else built with Go, else from its image. Throws OperatorError with how to get it. */
export async function findK6(root: string, say: (line: string) => void): Promise<K6Program> {
  const found = (await onPath()) ?? (await builtWithGo(root, say)) ?? (await fromImage(root, say));
  if (found) return found;
  throw new OperatorError(
    `k6 ${version} is needed: put it on the PATH (https://grafana.com/docs/k6/latest/set-up/install-k6/), or install Go 1.24 or newer, or Docker.`,
  );
}

async function onPath(): Promise<K6Program | undefined> {
  const k6 = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, process.platform === 'win32' ? 'k6.exe' : 'k6'))
    .find((file) => existsSync(file));
  const found = k6 === undefined ? undefined : await versionOf([k6]);
  // Version 1 knows another summary and another set of flags.
  return found?.startsWith('2.') ? { source: 'PATH', version: found, command: [k6!] } : undefined;
}

/**
 * `go install` asks the module's own site whether the version is deprecated, and so fails behind a proxy that cannot; a
 * build from a module of our own asks nothing but the proxy and the checksum database.
 */
async function builtWithGo(
  root: string,
  say: (line: string) => void,
): Promise<K6Program | undefined> {
  const tools = join(root, '.capstone', 'tools');
  const binary = join(tools, `k6-v${version}`);
  if (!existsSync(binary)) {
    if (!(await answers(['go', 'version']))) return undefined;
    say(`building k6 ${version} with Go, once: two or three minutes`);
    const folder = join(tools, 'k6-build');
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, 'go.mod'),
      `module capstone.internal/k6\n\ngo 1.24\n\nrequire ${goModule} v${version}\n`,
    );
    await build(folder, `${binary}.new`);
    await rename(`${binary}.new`, binary);
    await rm(folder, { recursive: true });
  }
  const found = await versionOf([binary]);
  return found === undefined ? undefined : { source: 'go', version: found, command: [binary] };
}

async function build(folder: string, output: string): Promise<void> {
  const args = ['build', '-mod=mod', '-trimpath', '-o', output, goModule];
  const env = { ...process.env, CGO_ENABLED: '0' };
  try {
    await run('go', args, { cwd: folder, env, timeout: 15 * 60_000 });
  } catch (error) {
    const reason = String((error as { stderr?: string }).stderr ?? error)
      .trim()
      .split('\n')
      .at(-1);
    throw new OperatorError(`k6 could not be built with Go: ${reason}`);
  }
}

async function fromImage(
  root: string,
  say: (line: string) => void,
): Promise<K6Program | undefined> {
  for (const engine of ['docker', 'podman']) {
    if (!(await answers([engine, 'info']))) continue;
    say(`running k6 from the image ${image}`);
    const command: [string, ...string[]] = [
      engine,
      'run',
      '--rm',
      '--interactive',
      '--network',
      'host',
      '--user',
      `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`,
      '--volume',
      `${root}:${root}`,
      '--env',
      'CAPSTONE_LOAD_JOB',
      '--env',
      'GOGC',
      image,
    ];
    const found = await versionOf(command);
    if (found !== undefined) return { source: 'container', version: found, command };
  }
  return undefined;
}

async function versionOf(command: readonly [string, ...string[]]): Promise<string | undefined> {
  const [program, ...args] = command;
  try {
    const { stdout } = await run(program, [...args, 'version'], { timeout: 5 * 60_000 });
    return /v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

async function answers([program, ...args]: readonly [string, ...string[]]): Promise<boolean> {
  return run(program, args, { timeout: 20_000 }).then(
    () => true,
    () => false,
  );
}
