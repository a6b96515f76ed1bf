import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';

const Text = z.object({ _id: z.string().min(1), title: z.string().default(''), text: z.string() });
const Query = z.object({ _id: z.string().min(1), text: z.string().min(1) });
const Judgement = z.object({ query_id: z.string(), corpus_id: z.string(), score: z.number() });
const Question = z.object({ text: z.string().min(1), document_id: z.string().nullable() });

/** A test collection in the layout of BEIR: what there is to find, what is looked for, and what would be right. */
export interface DataSet {
  readonly name: string;
  readonly documents: readonly z.output<typeof Text>[];
  readonly queries: readonly z.output<typeof Query>[];
  /** By query, by document: how relevant, 0 not at all. */
  readonly judgements: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Questions with the document that answers them, or null where none does. */
  readonly questions: readonly z.output<typeof Question>[];
}

/** The folder or a file in it is not what it should be; the message says which line. */
export class DataSetError extends Error {}

/**
 * Reads corpus.jsonl, queries.jsonl and qrels.jsonl, and questions.jsonl where it is. Queries without a relevant document
 * are left out. Throws DataSetError.
 */
export function readDataSet(folder: string): DataSet {
  const path = (file: string) => join(folder, file);
  const judgements = new Map<string, Map<string, number>>();
  for (const { query_id, corpus_id, score } of readLines(path('qrels.jsonl'), Judgement)) {
    const ofQuery = judgements.get(query_id) ?? new Map<string, number>();
    judgements.set(query_id, ofQuery.set(corpus_id, score));
  }
  const isJudged = ({ _id }: { _id: string }) =>
    [...(judgements.get(_id)?.values() ?? [])].some((score) => score > 0);
  const queries = readLines(path('queries.jsonl'), Query).filter(isJudged);
  if (queries.length === 0) throw new DataSetError(`No query in ${folder} has a judgement.`);
  return {
    name: basename(resolve(folder)),
    documents: readLines(path('corpus.jsonl'), Text),
    queries,
    judgements,
    questions: existsSync(path('questions.jsonl'))
      ? readLines(path('questions.jsonl'), Question)
      : [],
  };
}

function readLines<Schema extends z.ZodType>(path: string, schema: Schema): z.output<Schema>[] {
  if (!existsSync(path)) throw new DataSetError(`${path} is missing.`);
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    const parsed = schema.safeParse(jsonOf(line));
    if (parsed.success) return [parsed.data];
    throw new DataSetError(`${path}:${index + 1}: ${z.prettifyError(parsed.error)}`);
  });
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
