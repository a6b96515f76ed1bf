import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ServiceName } from './certificates.js';
import { changedServices } from './changed-services.js';
import { runCommand } from './run-command.js';
import { parsePortOffset, stackPorts } from './stack-ports.js';
import { Stack } from './stack.js';
import { seconds } from './steps.js';

// The compiler writes its files one after the other; a restart waits until it has been quiet for this long.
const quietMs = 150;

await runCommand(async (args, stopping) => {
  const { values } = parseArgs({
    args,
    options: {
      reset: { type: 'boolean', default: false },
      'port-offset': { type: 'string', default: '0' },
    },
  });
  const root = process.cwd();
  const stack = new Stack({
    root,
    ports: stackPorts(parsePortOffset(values['port-offset'])),
    reset: values.reset,
    onStep: console.log,
    stopping,
    onDeath: (fault) => console.error(`${fault.message}\nIt starts again with the next change.`),
  });
  try {
    await stack.start();
    console.log('Watching for changes. Ctrl-C stops everything.');
    await watchAndRestart(root, stack, stopping);
  } catch (error) {
    if (!stopping.aborted) throw error;
  } finally {
    await stack.stop();
  }
});

/** Runs the compiler in watch mode and restarts the services whose built files change, until told to stop. */
async function watchAndRestart(root: string, stack: Stack, stopping: AbortSignal): Promise<void> {
  const compiler = startCompiler(root);
  const pending = new Set<ServiceName>();
  let changedAt = 0;
  const watchers = buildFolders(root).map((folder) =>
    watch(folder, { recursive: true }, (_, file) => {
      for (const service of changedServices(join(folder, file ?? ''))) pending.add(service);
      changedAt = performance.now();
    }),
  );
  try {
    while (!stopping.aborted) {
      await delay(quietMs);
      if (pending.size === 0 || performance.now() - changedAt < quietMs) continue;
      const names = [...pending];
      pending.clear();
      await restart(stack, names);
    }
  } finally {
    for (const watcher of watchers) watcher.close();
    compiler.kill();
  }
}

function startCompiler(root: string): ChildProcess {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  return spawn(tsc, ['-b', '-w', '--preserveWatchOutput', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

function buildFolders(root: string): string[] {
  return ['packages', 'services'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => join(root, folder, name, 'dist')),
  );
}

// A service that does not start is the change's fault: the next change may mend it.
async function restart(stack: Stack, names: ServiceName[]): Promise<void> {
  const startedAt = performance.now();
  try {
    await stack.restart(names);
    console.log(`Restarted ${names.join(', ')} (${seconds(startedAt)})`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
}
