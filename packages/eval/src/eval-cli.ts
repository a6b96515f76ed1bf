import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ApiClient, ApiError } from './api-client.js';
import { DataSetError, readDataSet } from './data-set.js';
import { evaluate } from './evaluate.js';
import { reportPage } from './report.js';

const usage = `Measures search and answers of a running system on a test collection.

  pnpm eval <folder> [--url http://localhost:8080/api/v1] [--out .capstone/eval]

  <folder>   corpus.jsonl   {"_id", "title", "text"}
             queries.jsonl  {"_id", "text"}
             qrels.jsonl    {"query_id", "corpus_id", "score"}
             questions.jsonl, if it is there  {"text", "document_id" or null where no document answers}`;

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isExpected = error instanceof ApiError || error instanceof DataSetError;
  console.error(isExpected ? error.message : error);
  process.exitCode = 1;
}

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', default: false },
      url: { type: 'string', default: 'http://localhost:8080/api/v1' },
      out: { type: 'string', default: '.capstone/eval' },
    },
  });
  const [folder] = positionals;
  if (values.help || folder === undefined) {
    console.log(usage);
    return values.help ? 0 : 1;
  }
  const dataSet = readDataSet(folder);
  const client = await ApiClient.register(values.url);
  const evaluation = await evaluate(client, dataSet, (step) => console.error(`${step} …`));

  const page = reportPage(evaluation);
  mkdirSync(values.out, { recursive: true });
  const file = join(values.out, dataSet.name);
  writeFileSync(`${file}.json`, `${JSON.stringify(evaluation, undefined, 2)}\n`);
  writeFileSync(`${file}.md`, page);
  console.log(page);
  console.error(`Written to ${file}.json and ${file}.md.`);
  return 0;
}
