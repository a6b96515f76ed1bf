import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type ProofState = 'passed' | 'failed' | 'missing' | 'not run';

export interface Proof {
  readonly path: string;
  readonly state: ProofState;
  readonly tests: number;
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly unknown[];
  }[];
}

const timeoutMs = 10 * 60_000;

/** The files as they are, with no test run. What is no test (a decision, a table) proves by being there. */
export function describeProofs(root: string, paths: readonly string[]): Map<string, Proof> {
  return new Map(
    paths.map((path) => {
      const state = existsSync(join(root, path)) ? restingState(path) : 'missing';
      return [path, { path, state, tests: 0 }];
    }),
  );
}

/** Runs those that are tests, in one vitest process. */
export async function runProofs(
  root: string,
  paths: readonly string[],
): Promise<Map<string, Proof>> {
  const proofs = describeProofs(root, paths);
  const tests = [...proofs.values()].filter(({ state }) => state === 'not run');
  const folder = await mkdtemp(join(tmpdir(), 'capstone-proofs-'));
  try {
    const file = join(folder, 'report.json');
    await vitest(
      root,
      file,
      tests.map(({ path }) => path),
    );
    const report = JSON.parse(
      await readFile(file, 'utf8').catch(() => '{"testResults":[]}'),
    ) as VitestReport;
    for (const { name, status, assertionResults } of report.testResults) {
      const path = tests.find((test) => join(root, test.path) === name)?.path;
      const state = status === 'passed' ? 'passed' : 'failed';
      if (path !== undefined) proofs.set(path, { path, state, tests: assertionResults.length });
    }
    return proofs;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function vitest(root: string, outputFile: string, files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  const program = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const args = ['run', ...files, '--reporter=json', `--outputFile=${outputFile}`];
  const child = spawn(process.execPath, [program, ...args], { cwd: root, stdio: 'ignore' });
  const limit = setTimeout(() => child.kill('SIGTERM'), timeoutMs);
  await once(child, 'close').finally(() => clearTimeout(limit));
}

function restingState(path: string): ProofState {
  return path.endsWith('.test.ts') ? 'not run' : 'passed';
}
