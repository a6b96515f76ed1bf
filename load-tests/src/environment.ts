import { execFile } from 'node:child_process';
import os from 'node:os';
import { promisify } from 'node:util';
import { isLoopback } from './arguments.js';
import type { K6Program } from './k6-program.js';
import { canSeeProcesses, programOf, readProcesses, services } from './processes.js';
import type { ServiceState } from './service-metrics.js';

const run = promisify(execFile);

/** Where and on what a result came about. A figure without it is worth nothing. */
export interface Environment {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly k6: string;
  readonly postgres: string | undefined;
  readonly redis: string | undefined;
  readonly commit: string;
  /** The working tree had changes that are in no commit. */
  readonly dirty: boolean;
  readonly target: string;
  readonly builds: Readonly<Record<string, string>>;
  readonly replicas: string;
  readonly generator: string;
}

export async function describeEnvironment(o: {
  root: string;
  origin: string;
  k6: K6Program;
  services: readonly ServiceState[];
  replicas: string | undefined;
}): Promise<Environment> {
  const local = isLoopback(new URL(o.origin));
  const cores = os.cpus();
  return {
    cpu: cores[0]?.model.trim() ?? os.arch(),
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()}`,
    node: o.services[0]?.build['node'] ?? process.version,
    k6: `${o.k6.version} (${o.k6.source})`,
    ...(local ? await serverVersions(o.root) : { postgres: undefined, redis: undefined }),
    ...(await commitOf(o.root)),
    target: o.origin,
    builds: Object.fromEntries(
      o.services.map(({ service, build }) => [service, build['commit'] ?? build['version'] ?? '']),
    ),
    replicas: o.replicas ?? (local ? localReplicas(o.root) : 'not said'),
    generator: local ? 'same machine as the system' : `${os.hostname()}, another machine`,
  };
}

/** The commit of the checkout, short, and whether it is all of the truth. */
export async function commitOf(root: string): Promise<{ commit: string; dirty: boolean }> {
  try {
    const commit = await run('git', ['-C', root, 'rev-parse', '--short', 'HEAD']);
    const changes = await run('git', [
      '-C',
      root,
      'status',
      '--porcelain',
      '--',
      ':!load-tests/results',
    ]);
    return { commit: commit.stdout.trim(), dirty: changes.stdout.trim() !== '' };
  } catch {
    return { commit: 'nocommit', dirty: false };
  }
}

function localReplicas(root: string): string {
  if (!canSeeProcesses) return 'not seen';
  const counts = new Map<string, number>();
  for (const { group } of readProcesses(root)) counts.set(group, (counts.get(group) ?? 0) + 1);
  const seen = services.filter((service) => counts.has(service));
  return seen.map((service) => `${service} ${counts.get(service)}`).join(', ') || 'not seen';
}

/** Asks the very programs that are running, since several releases may be installed. */
async function serverVersions(root: string) {
  const processes = canSeeProcesses ? readProcesses(root) : [];
  const versionOf = async (group: string) => {
    const server = processes.find((candidate) => candidate.group === group);
    const program = server && programOf(server.pid);
    const answer = program && (await run(program, ['--version']).catch(() => undefined));
    return answer ? /\d+(\.\d+)+/.exec(answer.stdout)?.[0] : undefined;
  };
  return { postgres: await versionOf('postgres'), redis: await versionOf('redis') };
}
