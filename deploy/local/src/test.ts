import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { startInfra } from './infra.js';
import { interruptedExitCode, runCommand } from './run-command.js';

// Arguments are vitest's: `npm test -- --project unit`, `npm test -- tasks`.
await runCommand(async (args, stopping) => {
  const root = process.cwd();
  const infra = await startInfra({ profile: 'test', root, onStep: console.log });
  try {
    return stopping.aborted ? interruptedExitCode : await vitest(root, args, stopping);
  } finally {
    await infra.stop();
  }
});

function vitest(root: string, args: string[], stopping: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const program = join(root, 'node_modules', '.bin', 'vitest');
    const child = spawn(program, ['run', ...args], { cwd: root, stdio: 'inherit' });
    stopping.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? interruptedExitCode));
  });
}
