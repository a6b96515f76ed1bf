import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApiClient } from './api-client.js';
import { describeEnvironment } from './environment.js';
import { findK6 } from './k6-program.js';
import { load, resultsFolder } from './load.js';
import {
  milestonesHelp,
  parseMilestonesArguments,
  type MilestonesArguments,
} from './milestones/milestones-arguments.js';
import { describeProofs, runProofs } from './milestones/proof-tests.js';
import {
  exitCodeOf,
  loadEntries,
  prepareWorld,
  probeAll,
  proofPaths,
  type Scorecard,
} from './milestones/scorecard.js';
import { entryText, scorecardHtml, scorecardText } from './milestones/scorecard-report.js';
import { OperatorError } from './operator-error.js';
import { canSeeProcesses, readProcesses } from './processes.js';
import { reportHtml } from './report-html.js';
import { writeResult } from './result.js';
import { readServices } from './service-metrics.js';

const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/[/\\]$/, '');
const say = (line: string) => void process.stderr.write(`${line}\n`);

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof OperatorError)) throw error;
  say(error.message);
  process.exitCode = 2;
}

async function main(): Promise<number> {
  const args = parseMilestonesArguments(process.argv.slice(2));
  if (args.help) {
    console.log(milestonesHelp);
    return 0;
  }
  const card = await grade(args);
  const files = await write(resultsFolder(args.load, root), card);
  console.log(`\n${scorecardText(card)}\n\n${files.map((file) => `  ${file}`).join('\n')}`);
  return exitCodeOf(card.entries);
}

async function grade({
  load: target,
  withLoad,
  withTests,
  grpcAddress,
}: MilestonesArguments): Promise<Scorecard> {
  const startedAt = new Date().toISOString();
  const { origin, adminUrls, replicas } = target;
  const api = new ApiClient(origin);
  const world = await prepareWorld(api, { adminUrls, grpcAddress });
  const services = await readServices(adminUrls);

  const isOurs = canSeeProcesses && readProcesses(root).some(({ group }) => group === 'api');
  if (withTests && isOurs) say('running the tests that prove items');
  const proofs =
    withTests && isOurs ? await runProofs(root, proofPaths) : describeProofs(root, proofPaths);

  const probed = await probeAll(world, proofs, (entry) => say(entryText(entry)));
  const result = withLoad ? await load(target, root, say) : undefined;
  if (result) await writeResult(resultsFolder(target, root), result, reportHtml(result));
  const k6 = withLoad
    ? await findK6(root, say)
    : ({ source: 'PATH', version: 'not used', command: ['k6'] } as const);
  return {
    startedAt,
    environment: await describeEnvironment({ root, origin, k6, services, replicas }),
    entries: [...loadEntries(result), ...probed],
  };
}

async function write(folder: string, card: Scorecard): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const [date = '', time = ''] = card.startedAt.split('T');
  const { commit, dirty } = card.environment;
  const name = `${date}-${time.slice(0, 5).replace(':', '')}-${commit}${dirty ? '-dirty' : ''}-milestones`;
  const files = { json: join(folder, `${name}.json`), html: join(folder, `${name}.html`) };
  await writeFile(files.json, `${JSON.stringify(card, null, 1)}\n`);
  await writeFile(files.html, scorecardHtml(card));
  return [files.json, files.html];
}
