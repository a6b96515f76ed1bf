import { fileURLToPath } from 'node:url';
import { loadHelp, parseLoadArguments } from './arguments.js';
import { load, resultsFolder, seedOnly } from './load.js';
import { OperatorError } from './operator-error.js';
import { reportHtml } from './report-html.js';
import { reportText } from './report-text.js';
import { exitCodes, writeResult } from './result.js';

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
  const args = parseLoadArguments(process.argv.slice(2));
  if (args.command === 'help') {
    console.log(loadHelp);
    return 0;
  }
  if (args.command === 'seed') {
    await seedOnly(args, root);
    return 0;
  }
  const result = await load(args, root, say);
  const files = await writeResult(resultsFolder(args, root), result, reportHtml(result));
  console.log(`\n${reportText(result)}\n\n  ${files.json}\n  ${files.html}`);
  return exitCodes[result.verdict];
}
