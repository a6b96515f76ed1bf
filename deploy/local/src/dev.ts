import { readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ServiceName } from './certificates.js';
import { changedServices } from './changed-services.js';
import { CommandFailed, run } from './command.js';
import { runCommand } from './run-command.js';
import { parsePortOffset, stackPorts } from './stack-ports.js';
import { Stack } from './stack.js';
import { seconds } from './steps.js';

// An editor saves several files one after the other; a build waits until it has been quiet for this long.
const quietMs = 100;

await runCommand(async (args, stopping) => {
  const { values } = parseArgs({
    args,
    options: {
      reset: { type: 'boolean', default: false },
      'port-offset': { type: 'string', default: '0' },
    },
  });
  const root = process.cwd();
  const ports = stackPorts(parsePortOffset(values['port-offset']));
  const stack = new Stack({
    root,
    ports,
    reset: values.reset,
    onStep: console.log,
    stopping,
    onDeath: (fault) => console.error(`${fault.message}\nIt starts again with the next change.`),
  });
  try {
    await stack.start();
    console.log(
      `http://localhost:${ports.http}/docs, watching for changes. Ctrl-C stops everything.`,
    );
    await watchAndRestart(root, stack, stopping);
  } catch (error) {
    if (!stopping.aborted) throw error;
  } finally {
    await stack.stop();
  }
});

/** Builds what changes and restarts the services that run it, until told to stop. */
async function watchAndRestart(root: string, stack: Stack, stopping: AbortSignal): Promise<void> {
  const outdated = new Set<ServiceName>();
  let changedAt = 0;
  let builtAt = 0;
  const watchers = sourceFolders(root).map((folder) =>
    watch(folder, { recursive: true }, (_, file) => {
      for (const service of changedServices(join(folder, file ?? ''))) outdated.add(service);
      changedAt = performance.now();
    }),
  );
  try {
    while (!stopping.aborted) {
      await delay(quietMs / 2);
      const isQuiet = performance.now() - changedAt >= quietMs;
      if (outdated.size === 0 || builtAt > changedAt || !isQuiet) continue;
      builtAt = performance.now();
      const names = [...outdated];
      outdated.clear();
      const isDone = await rebuild(root, stack, names, stopping);
      for (const name of isDone ? [] : names) outdated.add(name);
    }
  } finally {
    for (const watcher of watchers) watcher.close();
  }
}

// What does not compile or does not start is the change's fault: the next change may mend it. A build of its own each
// time, because the watch mode of TypeScript 7.0 notices a change here only after up to twenty seconds.
async function rebuild(
  root: string,
  stack: Stack,
  names: ServiceName[],
  stopping: AbortSignal,
): Promise<boolean> {
  const startedAt = performance.now();
  try {
    await run(join(root, 'node_modules', '.bin', 'tsc'), ['-b', 'tsconfig.build.json'], {
      cwd: root,
    });
    await stack.restart(names);
    console.log(`Rebuilt and restarted ${names.join(', ')} (${seconds(startedAt)})`);
    return true;
  } catch (error) {
    if (stopping.aborted) return false;
    if (error instanceof CommandFailed) console.error(error.output.trim());
    else console.error(error instanceof Error ? error.message : error);
    return false;
  }
}

function sourceFolders(root: string): string[] {
  return ['packages', 'services'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => join(root, folder, name, 'src')),
  );
}
