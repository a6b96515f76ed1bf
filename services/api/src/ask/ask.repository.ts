import type { AskAnswer, AskUsage, Citation } from '@capstone/contracts/ask';
import type { Queryable, Transaction } from '@capstone/platform/database';

/** Grows with every change of what search could find. Read it before searching. */
export async function findCorpusVersion(db: Queryable, workspaceId: string): Promise<string> {
  const [row] = await db.query<{ version: string }>(
    'ask.find_corpus_version',
    `select version::text as "version" from app.corpus_versions where workspace_id = $1`,
    [workspaceId],
  );
  return row?.version ?? '0';
}

export interface NewRun {
  readonly id: string;
  readonly userId: string;
  readonly question: string;
  readonly fingerprint: Buffer;
  readonly corpusVersion: string;
  readonly key: string | undefined;
  readonly provider: string;
  readonly model: string;
}

/** False when another run of the caller holds the key. Two at once meet in the unique index. */
export async function insertRun(
  tx: Transaction,
  workspaceId: string,
  run: NewRun,
): Promise<boolean> {
  const rows = await tx.query(
    'ask_runs.insert',
    `insert into app.ask_runs (
       workspace_id, id, user_id, question, fingerprint, corpus_version, idempotency_key, provider, model)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (workspace_id, user_id, idempotency_key) where idempotency_key is not null do nothing
     returning id`,
    [
      workspaceId,
      run.id,
      run.userId,
      run.question,
      run.fingerprint,
      run.corpusVersion,
      run.key ?? null,
      run.provider,
      run.model,
    ],
  );
  return rows.length === 1;
}

/**
 * Takes the key from a run that cannot answer for it any more: its process died, its day is over, or a document that it
 * drew on has been deleted.
 */
export async function releaseStaleKey(
  tx: Transaction,
  workspaceId: string,
  { userId, key, abandonedAfterMs }: { userId: string; key: string; abandonedAfterMs: number },
): Promise<void> {
  await tx.query(
    'ask_runs.release_stale_key',
    `update app.ask_runs r
     set idempotency_key = null
     where r.workspace_id = $1
       and r.user_id = $2
       and r.idempotency_key = $3
       and (r.started_at < now() - interval '24 hours'
         or (r.status = 'running' and r.started_at < now() - $4 * interval '1 millisecond')
         or exists (
           select from app.ask_sources s
           join app.documents d on d.workspace_id = $1 and d.id = s.document_id
           where s.workspace_id = $1 and s.run_id = r.id and d.deleted_at is not null))`,
    [workspaceId, userId, key, abandonedAfterMs],
  );
}

interface StoredRun extends AskAnswer {
  readonly status: 'running' | 'answered' | 'failed';
  readonly fingerprint: Buffer;
}

const columns = `
  r.id, r.status, r.fingerprint, r.answer, r.grounded, r.model, r.cached,
  json_build_object(
    'inputTokens', r.input_tokens, 'outputTokens', r.output_tokens, 'cachedTokens', r.cached_tokens) as "usage",
  coalesce((
    select json_agg(json_build_object(
      'documentId', c.document_id, 'chunkId', c.chunk_id, 'charStart', c.char_start, 'charEnd', c.char_end,
      'quote', c.quote, 'answerStart', c.answer_start, 'answerEnd', c.answer_end) order by c.place)
    from app.ask_citations c
    where c.workspace_id = r.workspace_id and c.run_id = r.id), '[]') as "citations"`;

export async function findRunByKey(
  tx: Transaction,
  workspaceId: string,
  { userId, key }: { userId: string; key: string },
): Promise<StoredRun | undefined> {
  const [row] = await tx.query<StoredRun>(
    'ask_runs.find_by_key',
    `select ${columns}
     from app.ask_runs r
     where r.workspace_id = $1 and r.user_id = $2 and r.idempotency_key = $3`,
    [workspaceId, userId, key],
  );
  return row;
}

export async function findRun(
  tx: Transaction,
  workspaceId: string,
  id: string,
): Promise<StoredRun | undefined> {
  const [row] = await tx.query<StoredRun>(
    'ask_runs.find',
    `select ${columns} from app.ask_runs r where r.workspace_id = $1 and r.id = $2`,
    [workspaceId, id],
  );
  return row;
}

/**
 * Ends the run with the newest answer of this generator to the same question about the same state of the documents.
 * False where there is none.
 */
export async function copySameAnswer(
  tx: Transaction,
  workspaceId: string,
  run: NewRun,
): Promise<boolean> {
  const rows = await tx.query(
    'ask_runs.copy_same',
    `with same as (
       select id, answer, grounded
       from app.ask_runs
       where workspace_id = $1 and fingerprint = $3 and corpus_version = $4 and status = 'answered' and not cached
         and provider = $5 and model = $6
       order by id desc
       limit 1
     ), sources as (
       insert into app.ask_sources (workspace_id, run_id, document_id)
       select $1, $2, s.document_id
       from same
       join app.ask_sources s on s.workspace_id = $1 and s.run_id = same.id
     ), citations as (
       insert into app.ask_citations (
         workspace_id, run_id, place, document_id, chunk_id, char_start, char_end, quote, answer_start, answer_end)
       select $1, $2, c.place, c.document_id, c.chunk_id, c.char_start, c.char_end, c.quote, c.answer_start, c.answer_end
       from same
       join app.ask_citations c on c.workspace_id = $1 and c.run_id = same.id
     )
     update app.ask_runs r
     set status = 'answered', answer = same.answer, grounded = same.grounded, cached = true, finished_at = now()
     from same
     where r.workspace_id = $1 and r.id = $2
     returning r.id`,
    [workspaceId, run.id, run.fingerprint, run.corpusVersion, run.provider, run.model],
  );
  return rows.length === 1;
}

export interface FinishedRun extends Omit<AskAnswer, 'cached'> {
  /** Of every document that was shown to the generator. */
  readonly documentIds: readonly string[];
}

/** Fails with the constraint `ask_sources_document_fkey` when a document has been purged meanwhile. */
export async function storeAnswer(
  tx: Transaction,
  workspaceId: string,
  run: FinishedRun,
): Promise<void> {
  const { usage } = run;
  await tx.query(
    'ask_runs.finish',
    `update app.ask_runs
     set status = 'answered', answer = $3, grounded = $4, input_tokens = $5, output_tokens = $6, cached_tokens = $7,
       finished_at = now()
     where workspace_id = $1 and id = $2`,
    [
      workspaceId,
      run.id,
      run.answer,
      run.grounded,
      usage.inputTokens,
      usage.outputTokens,
      usage.cachedTokens,
    ],
  );
  await tx.query(
    'ask_sources.insert',
    `insert into app.ask_sources (workspace_id, run_id, document_id)
     select $1, $2, document_id
     from unnest($3::uuid[]) as s(document_id)`,
    [workspaceId, run.id, [...new Set(run.documentIds)]],
  );
  await insertCitations(tx, workspaceId, run);
}

async function insertCitations(
  tx: Transaction,
  workspaceId: string,
  { id, citations }: FinishedRun,
): Promise<void> {
  const column = <Key extends keyof Citation>(key: Key) => citations.map((cited) => cited[key]);
  await tx.query(
    'ask_citations.insert',
    `insert into app.ask_citations (
       workspace_id, run_id, place, document_id, chunk_id, char_start, char_end, quote, answer_start, answer_end)
     select $1, $2, c.place, c.document_id, c.chunk_id, c.char_start, c.char_end, c.quote, c.answer_start, c.answer_end
     from unnest($3::uuid[], $4::text[], $5::integer[], $6::integer[], $7::text[], $8::integer[], $9::integer[])
       with ordinality
       as c(document_id, chunk_id, char_start, char_end, quote, answer_start, answer_end, place)`,
    [
      workspaceId,
      id,
      column('documentId'),
      column('chunkId'),
      column('charStart'),
      column('charEnd'),
      column('quote'),
      column('answerStart'),
      column('answerEnd'),
    ],
  );
}

/** `failure`: a code of the catalogue, or aborted. */
export async function failRun(
  tx: Transaction,
  workspaceId: string,
  { id, failure }: { id: string; failure: string },
): Promise<void> {
  await tx.query(
    'ask_runs.fail',
    `update app.ask_runs
     set status = 'failed', failure = $3, idempotency_key = null, finished_at = now()
     where workspace_id = $1 and id = $2`,
    [workspaceId, id, failure],
  );
}

/** What the workspace has used since this time yesterday. */
export async function countTokensOfDay(db: Queryable, workspaceId: string): Promise<number> {
  const [row] = await db.query<{ tokens: number }>(
    'usage_ledger.count_day',
    `select coalesce(sum(input_tokens + output_tokens), 0)::double precision as "tokens"
     from app.usage_ledger
     where workspace_id = $1 and created_at > now() - interval '24 hours'`,
    [workspaceId],
  );
  return row?.tokens ?? 0;
}

export interface LedgerEntry {
  readonly id: string;
  readonly userId: string;
  readonly runId: string;
  readonly provider: string;
  readonly model: string;
  readonly usage: AskUsage;
  /** By characters: the provider did not say. */
  readonly estimated: boolean;
  readonly durationMs: number;
}

export async function insertLedgerEntry(
  tx: Transaction,
  workspaceId: string,
  entry: LedgerEntry,
): Promise<void> {
  await tx.query(
    'usage_ledger.insert',
    `insert into app.usage_ledger (
       workspace_id, id, user_id, run_id, provider, model, operation, input_tokens, output_tokens, cached_tokens,
       estimated, duration_ms)
     values ($1, $2, $3, $4, $5, $6, 'answer', $7, $8, $9, $10, $11)`,
    [
      workspaceId,
      entry.id,
      entry.userId,
      entry.runId,
      entry.provider,
      entry.model,
      entry.usage.inputTokens,
      entry.usage.outputTokens,
      entry.usage.cachedTokens,
      entry.estimated,
      Math.round(entry.durationMs),
    ],
  );
}

/** Deletes at most `batchSize` runs of all workspaces and says how many; only what has expired is visible to it. */
export async function deleteExpiredRuns(db: Queryable, batchSize: number): Promise<number> {
  const [row] = await db.query<{ deleted: number }>(
    'ask_runs.delete_expired',
    'select app.delete_expired_ask_runs($1) as deleted',
    [batchSize],
  );
  return row?.deleted ?? 0;
}
