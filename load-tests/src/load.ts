import { join } from 'node:path';
import { ApiClient, raiseLimits } from './api-client.js';
import type { LoadArguments } from './arguments.js';
import { Bench } from './bench.js';
import { buildFaults, builtAt } from './build-check.js';
import { climb, climbNotes } from './climb.js';
import { describeEnvironment } from './environment.js';
import { objectivesOf } from './judge.js';
import { findK6 } from './k6-program.js';
import type { K6Run } from './k6-run.js';
import { Manifest } from './manifest.js';
import { OperatorError } from './operator-error.js';
import { profiles, type Profile, type ProfileName, type Shape } from './profiles.js';
import { newestCapacity, verdictOf, type Result } from './result.js';
import { seed, type SeedSize } from './seed.js';
import { readServices } from './service-metrics.js';
import { Sessions } from './sessions.js';
import { sumOf } from './statistics.js';
import { judgeValidity } from './validity.js';

const seedSizes: Readonly<Record<Profile['data'], SeedSize>> = {
  full: { workspaces: 10, tasks: 100_000, chunks: 20_000 },
  small: { workspaces: 2, tasks: 200, chunks: 40 },
};

const maxOtherCores = 0.1;

/** Fills the target with the data that profiles read, and nothing else. */
export async function seedOnly(args: LoadArguments, root: string): Promise<void> {
  const manifest = await Manifest.open(root, args.origin, args.token);
  await seed(new ApiClient(args.origin), manifest, sizeOf(args, 'full'), args.token);
}

/** One profile from seeding to verdict. Throws OperatorError where there is nothing to measure. */
export async function load(
  args: LoadArguments,
  root: string,
  say: (line: string) => void,
): Promise<Result> {
  const profile = profiles[args.command as ProfileName];
  const capacity = args.capacity ?? (await newestCapacity(resultsFolder(args, root)));
  const shape = shapeOf(profile, args, capacity);
  const { origin, token, adminUrls } = args;
  const api = new ApiClient(origin);
  await api.send('GET', '/openapi.json');
  const k6 = await findK6(root, say);

  const manifest = await Manifest.open(root, origin, token);
  const workspaces = await seed(api, manifest, sizeOf(args, profile.data), token);
  const accounts = workspaces.map(({ account }) => account);
  const sessions =
    token === undefined
      ? await Sessions.open(api, accounts, args.sessions)
      : Sessions.of(api, token);
  try {
    const { folder } = manifest;
    const bench = await Bench.prepare({
      root,
      say,
      api,
      adminUrls,
      k6,
      sessions,
      workspaces,
      folder,
    });
    return await measure(bench, { args, profile, shape, capacity });
  } finally {
    await sessions.close();
  }
}

export function resultsFolder({ out }: LoadArguments, root: string): string {
  return out ?? join(root, 'load-tests', 'results');
}

async function measure(
  bench: Bench,
  o: { args: LoadArguments; profile: Profile; shape: Shape; capacity: number | undefined },
): Promise<Result> {
  const { args, profile } = o;
  const { root, k6, sessions, workspaces, adminUrls } = bench.parts;
  const startedAt = new Date().toISOString();
  await bench.assertLimits(profile, o.shape);
  const services = await readServices(adminUrls);
  const builtAtMs = args.anyBuild ? undefined : builtAt(root);

  const climbed = profile.name === 'capacity' ? await climb(bench, profile, o.shape) : undefined;
  const run = climbed?.run ?? (await bench.run(profile, o.shape));
  const drain = profile.name === 'queue' ? await bench.drain(run) : undefined;

  const shape = climbed?.shape ?? o.shape;
  const { measurement, use, complaints } = run;
  const knowledge = {
    shape,
    // A rate that was given is 150 % of something: that is the capacity then.
    capacity: o.capacity ?? shape.rate / 1.5,
    knee: climbed?.knee,
    ...(drain ? { drain } : {}),
  };
  const objectives = objectivesOf(profile.name, run, knowledge);
  const { expectedBuild } = args;
  const validity = judgeValidity({
    measurement,
    generatorCpuShare: use.generatorCpuShare,
    stolenShare: use.stolenShare,
    buildFaults: buildFaults(services, await readServices(adminUrls), { expectedBuild, builtAtMs }),
  });
  const { origin, replicas } = args;
  return {
    schema: 1,
    profile: profile.name,
    purpose: profile.purpose,
    startedAt,
    verdict: verdictOf(validity, objectives),
    shape,
    data: {
      workspaces: workspaces.length,
      tasks: sumOf(workspaces, ({ taskIds }) => taskIds.length),
      chunks: sumOf(workspaces, ({ documents }) => sumOf(documents, ({ chunks }) => chunks)),
      sessions: sessions.count,
    },
    environment: await describeEnvironment({ root, origin, k6, services, replicas }),
    objectives,
    validity,
    notes: [
      ...limitNotes(run),
      ...disturbanceNotes(run),
      ...backlogNotes(run),
      ...(climbed ? climbNotes(climbed.plateaus) : []),
    ],
    run: { phases: run.job.phases, measurement, use, complaints },
    ...(climbed ? { capacity: { knee: climbed.knee, plateaus: climbed.plateaus } } : {}),
    ...(drain ? { drain } : {}),
  };
}

function limitNotes({ measurement }: K6Run): string[] {
  const limited = sumOf(measurement.phases, ({ reasons }) => reasons['rate-limited'] ?? 0);
  if (limited === 0) return [];
  return [`${limited} answers were 429, so this measured a rate limit: ${raiseLimits}.`];
}

/** A run on a busy machine is slower than it need be, never faster: worth knowing, no reason to disbelieve it. */
function disturbanceNotes({ use }: K6Run): string[] {
  const { otherCores } = use;
  if (otherCores === undefined || otherCores < maxOtherCores) return [];
  return [`Other programs used ${otherCores.toFixed(2)} cores of this machine meanwhile.`];
}

/** Tells a target that is too slow from a generator that is: both end with too few iterations. */
function backlogNotes({ measurement, use }: K6Run): string[] {
  const { most, allocated } = measurement.virtualUsers;
  if (most < allocated || (use.generatorCpuShare ?? 0) > 0.8) return [];
  return [
    `All ${allocated} virtual users were waiting for answers: the target did not keep up with this rate. pnpm load capacity finds the rate that it can keep up with.`,
  ];
}

function shapeOf(profile: Profile, args: LoadArguments, capacity: number | undefined): Shape {
  const { rateOfCapacity, shape } = profile;
  if (profile.name === 'stress' && args.rate === undefined && capacity === undefined) {
    throw new OperatorError(
      'stress is 150 % of the capacity, which is not known: run pnpm load capacity first, or say --capacity.',
    );
  }
  const share = rateOfCapacity && capacity && Math.round(capacity * rateOfCapacity);
  const seconds = args.seconds ?? shape.seconds;
  return {
    rate: args.rate ?? (share || shape.rate),
    seconds,
    rampSeconds: args.rampSeconds ?? Math.min(shape.rampSeconds, seconds),
  };
}

function sizeOf(args: LoadArguments, data: Profile['data']): SeedSize {
  const usual = seedSizes[data];
  return {
    workspaces: args.token === undefined ? (args.workspaces ?? usual.workspaces) : 1,
    tasks: args.tasks ?? usual.tasks,
    chunks: args.chunks ?? usual.chunks,
  };
}
