import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { startInfra } from './infra.js';
import { runCommand } from './run-command.js';

/**
 * `pnpm capstone keys list`: an operator's command of the auth service, with the settings of the local stack. Where
 * DATABASE_URL is set the settings are those of the environment, as in a container.
 */
await runCommand(async (args) => {
  const root = process.cwd();
  if (process.env.DATABASE_URL) return runAuth(root, args, {});
  const infra = await startInfra({ profile: 'local', root });
  try {
    return await runAuth(root, args, infra.serviceEnv('auth'));
  } finally {
    await infra.stop();
  }
});

function runAuth(root: string, args: string[], settings: Record<string, string>): Promise<number> {
  const cli = join(root, 'services/auth/dist/cli.js');
  const child = spawn(process.execPath, ['--enable-source-maps', cli, ...args], {
    env: { ...process.env, ...settings },
    stdio: 'inherit',
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
