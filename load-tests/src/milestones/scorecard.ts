import type { ApiClient } from '../api-client.js';
import type { Environment } from '../environment.js';
import { quantity } from '../figures.js';
import { isMet, type Objective } from '../objectives.js';
import type { Result } from '../result.js';
import { accessProbes } from './access.js';
import { crudProbes, untilSettled } from './crud.js';
import { isolationProbes } from './isolation.js';
import { observabilityProbes } from './observability.js';
import { Person, type Milestone, type Probe, type World } from './probe.js';
import type { Proof } from './proof-tests.js';
import { ragProbes, sample } from './rag.js';
import { Document } from '@capstone/contracts/documents';

export type State = 'pass' | 'fail' | 'unknown';

export interface Entry {
  readonly milestone: Milestone;
  readonly item: string;
  readonly state: State;
  readonly measured: string;
  readonly proofs: readonly Proof[];
}

export interface Scorecard {
  readonly startedAt: string;
  readonly environment: Environment;
  readonly entries: readonly Entry[];
}

export const milestoneTitles: Readonly<Record<Milestone, string>> = {
  1: '1000+ requests a second, p95 below 100 ms',
  2: 'Zero-trust security',
  3: 'RAG API on a vector database, three CRUD APIs, full observability',
};

export const probes: readonly Probe[] = [
  ...accessProbes,
  ...isolationProbes,
  ...ragProbes,
  ...crudProbes,
  ...observabilityProbes,
];

export const proofPaths: readonly string[] = [...new Set(probes.flatMap(({ proof }) => proof))];

const loadProofs = ['load-tests/src/profiles.ts', 'load-tests/results'];

/** Registers two strangers and uploads the sample. Throws OperatorError when not even that works. */
export async function prepareWorld(
  api: ApiClient,
  reach: Pick<World, 'adminUrls' | 'grpcAddress'>,
): Promise<World> {
  const ada = await Person.register(api, 'ada');
  const bob = await Person.register(api, 'bob');
  return { api, ada, bob, ...reach, document: await uploadSample(ada).catch(() => undefined) };
}

/** Each probe in turn; nothing that one meets ends the others. */
export async function probeAll(
  world: World,
  proofs: ReadonlyMap<string, Proof>,
  onEntry: (entry: Entry) => void,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const { milestone, item, proof, run } of probes) {
    const found = proof.map((path) => proofs.get(path)!);
    const seen = run ? await see(run, world) : { state: 'unknown' as const, measured: 'by test' };
    const entry = { milestone, item, ...withProofs(seen, found), proofs: found };
    onEntry(entry);
    entries.push(entry);
  }
  return entries;
}

/** Milestone 1 from a run of the profile `milestone`; undefined when none was made. */
export function loadEntries(result: Result | undefined): Entry[] {
  const proofs = loadProofs.map((path) => ({ path, state: 'passed' as const, tests: 0 }));
  const entry = (item: string, state: State, measured: string): Entry => {
    return { milestone: 1, item, state, measured, proofs };
  };
  if (!result) return [entry('The mixed load at the wanted rate', 'unknown', 'no load was run')];
  const broken = result.validity.filter(({ ok }) => ok === false);
  const isInvalid = result.verdict === 'invalid';
  const reasons = broken.map(({ rule, measured }) => `${rule}: ${measured}`).join('; ');
  return [
    entry('The run may be believed', isInvalid ? 'fail' : 'pass', isInvalid ? reasons : 'valid'),
    ...result.objectives.map((objective) =>
      entry(
        objectiveItem(objective),
        stateOf(objective, isInvalid),
        quantity(objective.measured, objective.unit),
      ),
    ),
  ];
}

export function exitCodeOf(entries: readonly Entry[]): number {
  if (entries.some(({ state }) => state === 'fail')) return 1;
  return entries.some(({ state }) => state === 'unknown') ? 2 : 0;
}

type Seen = Pick<Entry, 'state' | 'measured'>;

async function see(run: NonNullable<Probe['run']>, world: World): Promise<Seen> {
  try {
    return { state: 'pass', measured: await run(world) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { state: 'fail', measured: reason.replaceAll(/\s+/g, ' ').slice(0, 240) };
  }
}

/** A failed proof outweighs what was seen; a passed one decides where nothing could be seen. */
export function withProofs(seen: Seen, proofs: readonly Proof[]): Seen {
  const failed = proofs.filter(({ state }) => state === 'failed');
  if (failed.length > 0) {
    return { state: 'fail', measured: `failing: ${failed.map(({ path }) => path).join(', ')}` };
  }
  if (seen.state !== 'unknown') return seen;
  const tests = proofs.filter(({ path }) => path.endsWith('.test.ts'));
  const count = tests.reduce((sum, proof) => sum + proof.tests, 0);
  const allPassed = tests.length > 0 && tests.every(({ state }) => state === 'passed');
  return allPassed ? { state: 'pass', measured: `${count} tests passed` } : seen;
}

async function uploadSample(ada: Person): Promise<Document> {
  const { json } = await ada.expect(202, 'POST', '/documents', { body: sample });
  return untilSettled(ada, `/documents/${Document.parse(json).id}`);
}

function objectiveItem({ name, limit, unit }: Objective): string {
  const [word, value] = 'atMost' in limit ? ['at most', limit.atMost] : ['at least', limit.atLeast];
  return `${name}: ${word} ${quantity(value, unit)}`;
}

/** Too slow in a run that was too kind is too slow; good figures of an invalid run are no figures. */
function stateOf(objective: Objective, isInvalid: boolean): State {
  if (!isMet(objective)) return objective.measured === undefined ? 'unknown' : 'fail';
  return isInvalid ? 'unknown' : 'pass';
}
