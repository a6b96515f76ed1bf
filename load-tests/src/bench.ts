import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ApiClient } from './api-client.js';
import type { K6Program } from './k6-program.js';
import { runK6, type K6Run } from './k6-run.js';
import { writeIds, type SeededWorkspace } from './manifest.js';
import { phaseOf } from './objectives.js';
import { peakRate, totalSeconds, type K6Job, type Phase } from './plan.js';
import { assertLimitsAllow } from './preflight.js';
import { virtualUsersFor, type Profile, type Shape } from './profiles.js';
import { watchDrain, type DrainFigures } from './queue-drain.js';
import type { Sessions } from './sessions.js';

export interface BenchParts {
  readonly root: string;
  readonly say: (line: string) => void;
  readonly api: ApiClient;
  readonly adminUrls: Readonly<Record<string, string>>;
  readonly k6: K6Program;
  readonly sessions: Sessions;
  readonly workspaces: readonly SeededWorkspace[];
  /** Where the ids are written for k6 to read. */
  readonly folder: string;
}

type Ground = Pick<
  K6Job,
  'apiUrl' | 'tokensUrl' | 'taskIdsFile' | 'documentIdsFile' | 'workspaces' | 'accounts'
>;

const maxDrainSeconds = 900;
const requestTimeoutSeconds = 10;

/** A target with its data in place and its users logged in, on which profiles are run. */
export class Bench {
  private constructor(
    readonly parts: BenchParts,
    private readonly ground: Ground,
  ) {}

  static async prepare(parts: BenchParts): Promise<Bench> {
    const { folder, workspaces } = parts;
    const taskIdsFile = join(folder, 'task-ids.txt');
    const documentIdsFile = join(folder, 'document-ids.txt');
    const taskIds = workspaces.map((workspace) => workspace.taskIds);
    const documentIds = workspaces.map(({ documents }) => documents.map(({ id }) => id));
    const tasks = await writeIds(taskIdsFile, taskIds);
    const documents = await writeIds(documentIdsFile, documentIds);
    return new Bench(parts, {
      apiUrl: parts.api.apiUrl,
      tokensUrl: await parts.sessions.serve(),
      taskIdsFile,
      documentIdsFile,
      workspaces: tasks.map((slice, index) => ({ tasks: slice, documents: documents[index]! })),
      accounts: workspaces.map(({ account }) => account),
    });
  }

  /** Throws OperatorError when the target announces limits that the profile would run into. */
  async assertLimits(profile: Profile, shape: Shape): Promise<void> {
    const { api, sessions, workspaces } = this.parts;
    if (profile.journey === 'logins') return;
    const ratePerCaller = peakRate(profile.phases(shape)) / Math.max(1, workspaces.length);
    await assertLimitsAllow(api, sessions.tokenFor(0), ratePerCaller);
  }

  async run(profile: Profile, shape: Shape): Promise<K6Run> {
    const { k6, root, adminUrls, say } = this.parts;
    const phases = profile.phases(shape);
    const runId = `load-${Date.now().toString(36)}${randomBytes(2).toString('hex')}`;
    say(`${profile.name}: ${phases.map(describe).join(', ')}`);
    return runK6({
      k6,
      root,
      adminUrls,
      job: {
        ...this.ground,
        journey: profile.journey,
        runId,
        phases,
        measured: profile.measured,
        windowSeconds: windowSeconds(profile, totalSeconds(phases)),
        virtualUsers: virtualUsersFor(profile, peakRate(phases)),
        timeoutSeconds: requestTimeoutSeconds,
      },
    });
  }

  /** Waits until the documents that this run uploaded are ready. */
  async drain({ job, measurement }: K6Run): Promise<DrainFigures> {
    const { api, sessions, workspaces, say } = this.parts;
    say('waiting until every document is ready');
    return watchDrain({
      api,
      tokens: workspaces.map((_, index) => () => sessions.tokenFor(index)),
      runId: job.runId,
      accepted: phaseOf(measurement, 'hold').answered,
      atMostSeconds: maxDrainSeconds,
    });
  }
}

/** The profile's, but so that a short run still has a curve and a long one no thousands of groups. */
function windowSeconds(profile: Profile, seconds: number): number {
  const finest = Math.min(profile.windowSeconds, Math.max(1, Math.floor(seconds / 15)));
  return Math.max(finest, Math.ceil(seconds / 240));
}

function describe({ name, fromRate, toRate, seconds }: Phase): string {
  const [from, to] = [fromRate, toRate].map((rate) => Math.round(rate * 10) / 10);
  return `${name} ${from === to ? to : `${from} to ${to}`}/s for ${Math.round(seconds)} s`;
}
