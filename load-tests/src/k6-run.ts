import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { K6Program } from './k6-program.js';
import { measurementOf, type K6Metrics, type Measurement } from './measurement.js';
import { OperatorError } from './operator-error.js';
import { totalSeconds, type K6Job } from './plan.js';
import type { ResourceUse } from './resource-use.js';
import { ResourceWatch } from './resource-watch.js';

export interface K6Run {
  readonly job: K6Job;
  readonly measurement: Measurement;
  readonly use: ResourceUse;
  /** What virtual users complained of, most frequent first. */
  readonly complaints: readonly string[];
}

const startSeconds = 120;

/**
 * Runs one k6 process to its end, never longer than its phases and a start and an end take. Throws OperatorError when k6
 * itself fails; whatever the target does is a measurement.
 */
export async function runK6(o: {
  k6: K6Program;
  root: string;
  adminUrls: Readonly<Record<string, string>>;
  job: Omit<K6Job, 'summaryFile'>;
}): Promise<K6Run> {
  const folder = join(o.root, '.capstone', 'load', 'runs', o.job.runId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const job: K6Job = { ...o.job, summaryFile: join(folder, 'summary.json') };
  const jobFile = join(folder, 'job.json');
  // The accounts' passwords are in it.
  await writeFile(jobFile, JSON.stringify(job), { mode: 0o600 });

  const child = start(o.k6, o.root, jobFile);
  const logFile = join(folder, 'k6.log');
  const log = createWriteStream(logFile);
  child.stdout!.pipe(log, { end: false });
  child.stderr!.pipe(log, { end: false });
  const watch = new ResourceWatch(
    o.root,
    o.adminUrls,
    o.k6.source === 'container' ? undefined : child,
  );
  const code = await ended(child, totalSeconds(job.phases) + job.timeoutSeconds + startSeconds);
  log.end();
  const use = await watch.stop();

  const lines = (await readFile(logFile, 'utf8')).split('\n');
  if (code !== 0)
    throw new OperatorError(`k6 ended with ${code}: ${lastError(lines)} (${logFile})`);
  const metrics = JSON.parse(await readFile(job.summaryFile, 'utf8')) as K6Metrics;
  return { job, measurement: measurementOf(job, metrics), use, complaints: complaintsOf(lines) };
}

function start({ command }: K6Program, root: string, jobFile: string): ChildProcess {
  const [program, ...args] = command;
  const script = join(root, 'load-tests', 'k6', 'load.ts');
  const flags = ['--quiet', '--no-usage-report', '--no-color', '--log-format=json'];
  return spawn(program, [...args, 'run', ...flags, script], {
    env: {
      ...process.env,
      CAPSTONE_LOAD_JOB: jobFile,
      // Imports of k6/x would fetch another binary from a build service.
      K6_AUTO_EXTENSION_RESOLUTION: 'false',
      K6_NO_USAGE_REPORT: 'true',
      // A generator should spend its time sending: a quarter less CPU for a few tens of MiB more.
      GOGC: '400',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The exit code. Whoever interrupts this interrupts k6; it gets a moment to end by itself. */
async function ended(child: ChildProcess, atMostSeconds: number): Promise<number | string> {
  const stop = () => void child.kill('SIGINT');
  const limit = setTimeout(() => child.kill('SIGKILL'), atMostSeconds * 1000);
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    return code ?? signal ?? 'no exit code';
  } catch (error) {
    throw new OperatorError(`k6 cannot be started: ${String(error)}`, { cause: error });
  } finally {
    clearTimeout(limit);
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

function lastError(lines: readonly string[]): string {
  const errors = lines.filter((line) => line.includes('"level":"error"'));
  return messageOf(errors.at(-1) ?? lines.findLast((line) => line !== '') ?? 'no word');
}

function complaintsOf(lines: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of lines) {
    if (!/"level":"(warning|error)"/.test(line)) continue;
    const message = messageOf(line);
    counts.set(message, (counts.get(message) ?? 0) + 1);
  }
  const sorted = [...counts].toSorted(([, left], [, right]) => right - left);
  return sorted.slice(0, 10).map(([message, count]) => `${message} (${count} times in the log)`);
}

function messageOf(line: string): string {
  try {
    return (JSON.parse(line) as { msg: string }).msg.split('\n')[0]!.slice(0, 300);
  } catch {
    return line.slice(0, 300);
  }
}
