// The way in for `npm start`, `npm test`, `npm run dev` and .ci/run. Runs on any Node from 18 on and needs nothing
// installed: it brings the pinned Node and pnpm from the npm registry, installs, builds, and hands over to the command.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const keptFolder = join(root, '.capstone');
const toolchainFile = join(keptFolder, 'toolchain.json');
const pinned = { node: '24.21.0', pnpm: '12.21.0' };
const script = (name) => [
  'node',
  '--enable-source-maps',
  join('deploy', 'local', 'dist', `${name}.js`),
];
const commands = {
  start: script('start'),
  test: script('test'),
  dev: script('dev'),
  check: ['pnpm', 'run', 'check'],
};
const onWindows = process.platform === 'win32';

class StepFailed extends Error {}

// A reader that goes away, as in `npm start | head`, is no reason to leave things running.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  const [command, ...args] = process.argv.slice(2);
  if (!Object.hasOwn(commands, command)) {
    const names = Object.keys(commands).join('|');
    throw new StepFailed(`usage: node deploy/local/bootstrap.mjs ${names} [arguments]`);
  }
  const env = await environment();
  await step('Installed the packages', 'Installing the packages', () =>
    run('pnpm', ['install', '--frozen-lockfile', '--prefer-offline'], env),
  );
  await step('Built', 'Building', () =>
    run(join('node_modules', '.bin', 'tsc'), ['-b', 'tsconfig.build.json'], env),
  );
  handOver(commands[command], args, env);
} catch (error) {
  console.error(error instanceof StepFailed ? error.message : error);
  process.exitCode = 1;
}

/** The environment in which `node` and `pnpm` are the pinned ones. */
async function environment() {
  const compileCache = join(keptFolder, 'compile-cache');
  const base = {
    ...process.env,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? compileCache,
  };
  if (isPinned(base)) return base;
  const known = knownToolchain();
  if (known && isPinned(withPath(base, known))) return withPath(base, known);

  const title = `Fetched Node ${pinned.node} and pnpm ${pinned.pnpm} from the npm registry`;
  const found = await step(title, 'Fetching Node and pnpm', fetchToolchain);
  mkdirSync(keptFolder, { recursive: true });
  writeFileSync(toolchainFile, JSON.stringify({ ...pinned, directory: found }));
  return withPath(base, found);
}

/** npx keeps what it fetches, so this is a look-up from the second time on. Never corepack: it fails on mirrors. */
async function fetchToolchain() {
  const packages = ['-p', `node@${pinned.node}`, '-p', `pnpm@${pinned.pnpm}`];
  const path = await run('npx', ['-y', ...packages, '-c', 'node -p process.env.PATH'], process.env);
  const directory = path
    .trim()
    .split(delimiter)
    .find((entry) => hasProgram(entry, 'node') && hasProgram(entry, 'pnpm'));
  if (!directory) throw new StepFailed(`npx did not bring Node ${pinned.node}: ${path}`);
  return directory;
}

function hasProgram(directory, name) {
  return existsSync(join(directory, name)) || existsSync(join(directory, `${name}.cmd`));
}

function knownToolchain() {
  try {
    const known = JSON.parse(readFileSync(toolchainFile, 'utf8'));
    const isCurrent = known.node === pinned.node && known.pnpm === pinned.pnpm;
    return isCurrent && existsSync(known.directory) ? known.directory : undefined;
  } catch {
    return undefined; // not there yet, or cut short
  }
}

function isPinned(env) {
  const version = (name) =>
    spawnSync(name, ['--version'], { env, shell: onWindows, encoding: 'utf8' }).stdout?.trim() ??
    '';
  return version('pnpm') === pinned.pnpm && isAtLeastPinnedNode(version('node'));
}

function isAtLeastPinnedNode(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  const [pinnedMajor, pinnedMinor] = pinned.node.split('.').map(Number);
  return major === pinnedMajor && minor >= pinnedMinor;
}

function withPath(env, directory) {
  return { ...env, PATH: `${directory}${delimiter}${env.PATH ?? env.Path}` };
}

/** Runs a program quietly and returns what it printed; shows it only when the program fails. */
function run(program, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env,
      shell: onWindows,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let output = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      output += chunk;
    });
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => reject(new StepFailed(`${program}: ${error.message}`)));
    child.on('close', (code) => {
      if (code === 0) return resolve(stdout);
      reject(new StepFailed(`${program} ${args.join(' ')} failed:\n\n${output.trim()}`));
    });
  });
}

async function step(done, doing, work) {
  const startedAt = performance.now();
  const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  const reminder = setInterval(() => console.log(`${doing} … (${seconds()})`), 10_000);
  try {
    const result = await work();
    console.log(`${done} (${seconds()})`);
    return result;
  } finally {
    clearInterval(reminder);
  }
}

/**
 * Ends with the command's exit code. The command notices the end of this process by its IPC channel, and gets the
 * signals that reach only this one; a Ctrl-C in a terminal reaches both, and the command counts it once.
 */
function handOver([program, ...programArgs], args, env) {
  const child = spawn(program, [...programArgs, ...args], {
    cwd: root,
    env,
    shell: onWindows,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  const watch = stopWithoutParent(child);
  child.on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
  child.on('exit', (code) => {
    clearInterval(watch);
    process.exitCode = code ?? 1;
    if (child.connected) child.disconnect();
  });
}

/** npm passes a SIGTERM to the shell between it and this process, and that shell just ends. */
function stopWithoutParent(child) {
  if (!process.env.npm_lifecycle_event) return undefined;
  const parent = process.ppid;
  return setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM');
  }, 500);
}
