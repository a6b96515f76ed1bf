import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlateauFigures } from './climb.js';
import type { Environment } from './environment.js';
import type { K6Run } from './k6-run.js';
import { isMet, type Objective } from './objectives.js';
import type { ProfileName, Shape } from './profiles.js';
import type { DrainFigures } from './queue-drain.js';
import { isValid, type Finding } from './validity.js';

export type Verdict = 'pass' | 'fail' | 'invalid';

/** Everything about one run of a profile: what is written to results/, and what the reports are made of. */
export interface Result {
  readonly schema: 1;
  readonly profile: ProfileName;
  readonly purpose: string;
  readonly startedAt: string;
  readonly verdict: Verdict;
  readonly shape: Shape;
  readonly data: {
    readonly workspaces: number;
    readonly tasks: number;
    readonly chunks: number;
    readonly sessions: number;
  };
  readonly environment: Environment;
  readonly objectives: readonly Objective[];
  readonly validity: readonly Finding[];
  readonly notes: readonly string[];
  /** The run the figures are of; for `capacity` the plateau of the knee. */
  readonly run: Pick<K6Run, 'measurement' | 'use' | 'complaints'> & {
    readonly phases: K6Run['job']['phases'];
  };
  readonly capacity?: {
    readonly knee: number | undefined;
    readonly plateaus: readonly PlateauFigures[];
  };
  readonly drain?: DrainFigures;
}

/** An invalid run has neither passed nor failed, however good or bad it looks. */
export function verdictOf(findings: readonly Finding[], objectives: readonly Objective[]): Verdict {
  if (!isValid(findings)) return 'invalid';
  return objectives.every(isMet) ? 'pass' : 'fail';
}

export const exitCodes: Readonly<Record<Verdict, number>> = { pass: 0, fail: 1, invalid: 2 };

/** `2026-11-21-1405-9fb60d8-milestone`: sorts by time, names what was measured. */
export function resultName({ startedAt, environment, profile }: Result): string {
  const [date = '', time = ''] = startedAt.split('T');
  const changed = environment.dirty ? '-dirty' : '';
  return `${date}-${time.slice(0, 5).replace(':', '')}-${environment.commit}${changed}-${profile}`;
}

/** Writes the result as JSON and its report as HTML; returns both paths. */
export async function writeResult(
  folder: string,
  result: Result,
  html: string,
): Promise<{ json: string; html: string }> {
  await mkdir(folder, { recursive: true });
  const base = join(folder, resultName(result));
  await writeFile(`${base}.json`, `${JSON.stringify(result, rounded, 1)}\n`);
  await writeFile(`${base}.html`, html);
  return { json: `${base}.json`, html: `${base}.html` };
}

/** The knee of the newest capacity result in the folder. */
export async function newestCapacity(folder: string): Promise<number | undefined> {
  const names = await readdir(folder).catch(() => []);
  const files = names
    .filter((name) => name.endsWith('-capacity.json'))
    .toSorted()
    .toReversed();
  for (const file of files) {
    const { capacity, verdict } = JSON.parse(await readFile(join(folder, file), 'utf8')) as Result;
    if (verdict !== 'invalid' && capacity?.knee) return capacity.knee;
  }
  return undefined;
}

/** Microseconds are as fine as a figure here can be meant. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
}
