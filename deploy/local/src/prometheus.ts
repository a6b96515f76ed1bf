import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, cpSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { services } from './certificates.js';
import { run } from './command.js';
import { isPortFree } from './ports.js';
import { Profile } from './profile.js';
import type { StackPorts } from './stack-ports.js';

const usualPort = 9090;
const retention = '2d';

export interface LocalPrometheus {
  readonly url: string;
  stop(): Promise<void>;
}

/** What to say where `--observability` finds no Prometheus. */
export const withoutPrometheus = `There is no Prometheus on this machine, so there are no graphs and alerts beside the stack. On Debian and Ubuntu:

  sudo apt-get install --no-install-recommends prometheus

With Docker the whole view, dashboards and traces too: see deploy/observability/README.md.`;

/**
 * A Prometheus with our rules that scrapes this stack; undefined where the program is missing or its port is taken. Its
 * data is kept with the stack's.
 */
export async function startPrometheus(
  root: string,
  ports: StackPorts,
): Promise<LocalPrometheus | undefined> {
  const port = usualPort + ports.http - 8080;
  if (!(await isInstalled()) || !(await isPortFree(port))) return undefined;
  const profile = new Profile('local', root);
  const folder = join(profile.directory, 'prometheus');
  const file = configure(root, folder, { port, ports });

  const log = openSync(join(profile.logs, 'prometheus.log'), 'a', 0o600);
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--storage.tsdb.retention.time=${retention}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ],
    // In a session of its own: a Ctrl-C ends it in its turn, not at once.
    { stdio: ['ignore', log, log], detached: true },
  );
  closeSync(log);
  const ended = once(child, 'exit');
  return {
    url: `http://localhost:${port}`,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Our configuration with the addresses of this stack. */
function configure(root: string, folder: string, own: { port: number; ports: StackPorts }): string {
  cpSync(join(root, 'deploy', 'prometheus'), folder, { recursive: true });
  const file = join(folder, 'prometheus.yml');
  const text = readFileSync(file, 'utf8').replace(
    `localhost:${usualPort}`,
    `localhost:${own.port}`,
  );
  writeFileSync(file, text);
  const targets = services.map((service) => ({
    targets: [`127.0.0.1:${own.ports.admin[service]}`],
    labels: { service },
  }));
  writeFileSync(join(folder, 'targets', 'capstone.json'), JSON.stringify(targets));
  writeFileSync(join(folder, 'targets', 'alertmanager.json'), '[]');
  return file;
}

function isInstalled(): Promise<boolean> {
  return run('prometheus', ['--version']).then(
    () => true,
    () => false,
  );
}
