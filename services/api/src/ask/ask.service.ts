import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { Ask, AskAnswer, AskEvent } from '@capstone/contracts/ask';
import { Database, isConstraintViolation } from '@capstone/platform/database';
import type { Logger } from '@capstone/platform/log';
import { observeTraced, stopwatch } from '@capstone/platform/metrics';
import type { Principal } from '@capstone/platform/principal';
import { Problem } from '@capstone/platform/problem';
import { CONFIG, LOGGER, STOPPING } from '@capstone/platform/service';
import { currentTrace } from '@capstone/platform/tracing';
import {
  composeAnswer,
  type AnswerEvent,
  type ComposedAnswer,
} from '@capstone/retrieval/answers/compose-answer';
import type { Generator, Source } from '@capstone/retrieval/answers/generator';
import { readQuestion } from '@capstone/retrieval/answers/question';
import type { Config } from '../config.js';
import type { RepeatableRequest } from '../http/idempotency.js';
import { askCitationsDropped, askDuration, askTokens } from '../metrics.js';
import { SearchService } from '../search/search.service.js';
import {
  copySameAnswer,
  countTokensOfDay,
  deleteExpiredRuns,
  failRun,
  findCorpusVersion,
  findRun,
  findRunByKey,
  insertLedgerEntry,
  insertRun,
  releaseStaleKey,
  storeAnswer,
  type NewRun,
} from './ask.repository.js';
import { fingerprintOf, noUsage, toAskSource } from './ask.rules.js';
import { GENERATOR } from './generator.token.js';
import { MeteredGenerator } from './metered-generator.js';
import { ClientGone, type Answering } from './send-answer.js';

const cleanUpEveryMs = 10 * 60_000;
const cleanUpBatchSize = 1_000;

/** One question on its way to an answer. */
interface Run extends NewRun {
  readonly caller: Principal;
  readonly input: Ask;
  readonly signal: AbortSignal;
}

@Injectable()
export class AskService implements OnApplicationBootstrap, OnApplicationShutdown {
  private generating = 0;
  private cleanUp: NodeJS.Timeout | undefined;

  constructor(
    private readonly db: Database,
    private readonly searching: SearchService,
    @Inject(GENERATOR) private readonly generator: Generator,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(STOPPING) private readonly stopping: AbortSignal,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Resolves when it is decided that there will be an answer; the answer comes piece by piece. */
  async ask(
    caller: Principal,
    { key }: RepeatableRequest,
    input: Ask,
    gone: AbortSignal,
  ): Promise<Answering> {
    const { workspaceId, userId } = caller;
    const { provider, model } = this.generator.describe();
    const corpusVersion = await findCorpusVersion(this.db.read(caller), workspaceId);
    const run: Run = {
      caller,
      input,
      key,
      userId,
      corpusVersion,
      provider,
      model,
      id: uuidv7(),
      question: input.question,
      fingerprint: fingerprintOf(input),
      signal: AbortSignal.any([gone, this.stopping]),
    };
    const stored = await this.admit(run);
    return stored ? repeat(stored) : this.answer(run);
  }

  onApplicationBootstrap() {
    this.cleanUp = setInterval(() => void this.deleteExpired(), cleanUpEveryMs).unref();
  }

  onApplicationShutdown() {
    clearInterval(this.cleanUp);
  }

  /** The answer that is there already, or undefined, and then the run is on record as running. */
  private async admit(run: Run): Promise<AskAnswer | undefined> {
    const { workspaceId } = run.caller;
    return this.db.transaction(run.caller, async (tx) => {
      if (run.key !== undefined) {
        const holder = { userId: run.userId, key: run.key };
        const abandonedAfterMs = 2 * this.config.ask.timeoutMs;
        await releaseStaleKey(tx, workspaceId, { ...holder, abandonedAfterMs });
        if (!(await insertRun(tx, workspaceId, run))) {
          return this.firstAnswer(run, await findRunByKey(tx, workspaceId, holder));
        }
      } else {
        await insertRun(tx, workspaceId, run);
      }
      if (await copySameAnswer(tx, workspaceId, run)) return findRun(tx, workspaceId, run.id);
      this.assertRoom(await countTokensOfDay(tx, workspaceId));
      return undefined;
    });
  }

  private firstAnswer(run: Run, first: Awaited<ReturnType<typeof findRunByKey>>): AskAnswer {
    if (first && !run.fingerprint.equals(first.fingerprint)) {
      throw new Problem('idempotency-key-reused');
    }
    if (first?.status !== 'answered') {
      throw new Problem('idempotency-key-in-use', { retryAfterSeconds: 1 });
    }
    return first;
  }

  private assertRoom(tokensOfDay: number) {
    const { model, maxConcurrent, tokensPerDay } = this.config.ask;
    if (model === undefined) return;
    if (tokensPerDay > 0 && tokensOfDay >= tokensPerDay) {
      throw new Problem('ask-budget-spent', { retryAfterSeconds: 3_600 });
    }
    if (this.generating >= maxConcurrent) throw new Problem('overloaded', { retryAfterSeconds: 5 });
  }

  private async *answer(run: Run): Answering {
    const seconds = stopwatch();
    const { id, provider, model } = run;
    this.generating += 1;
    let outcome = 'failed';
    try {
      yield { name: 'run', data: { id, model } };
      const answer = yield* this.generate(run, seconds);
      outcome = answer.grounded ? 'answered' : 'refused';
      yield { name: 'usage', data: answer.usage };
      yield { name: 'done', data: { id, grounded: answer.grounded, cached: false } };
      return answer;
    } catch (error) {
      if (error instanceof ClientGone) outcome = 'aborted';
      await this.recordFailure(run, error);
      throw this.stopping.aborted ? new Problem('shutting-down', { retryAfterSeconds: 1 }) : error;
    } finally {
      this.generating -= 1;
      observeTraced(askDuration, { provider, outcome }, seconds(), currentTrace());
    }
  }

  private async *generate(run: Run, seconds: () => number): Answering {
    const { caller, input, signal } = run;
    const { question: text, filters, limit } = input;
    const [question, { hits: sources }] = await Promise.all([
      readQuestion(this.db.read(caller), caller.workspaceId, text),
      this.searching.find(caller, { query: text, mode: 'hybrid', limit, filters, explain: false }),
    ]);
    yield { name: 'sources', data: { sources: sources.map(toAskSource) } };

    const generator = new MeteredGenerator(this.generator);
    try {
      const composed = yield* toAskEvents(composeAnswer(generator, { question, sources }, signal));
      return await this.finish(run, composed, sources);
    } finally {
      await this.charge(run, generator.cost(), seconds() * 1_000);
    }
  }

  private async finish(
    run: Run,
    composed: ComposedAnswer,
    sources: readonly Source[],
  ): Promise<AskAnswer> {
    const { id, model, caller } = run;
    const { answer, grounded, citations, dropped } = composed;
    askCitationsDropped.inc({ reason: 'unknown-source' }, dropped.unknownSource);
    askCitationsDropped.inc({ reason: 'unsupported' }, dropped.unsupported);
    const usage = composed.usage ?? noUsage;
    const finished = { id, answer, grounded, citations: [...citations], model, usage };
    const documentIds = sources.map(({ documentId }) => documentId);
    try {
      await this.db.transaction(caller, (tx) =>
        storeAnswer(tx, caller.workspaceId, { ...finished, documentIds }),
      );
    } catch (error) {
      if (!isConstraintViolation(error, 'ask_sources_document_fkey')) throw error;
      const detail = 'A document that the answer drew on has been deleted. Ask again.';
      throw new Problem('conflict', { detail, cause: error });
    }
    return { ...finished, cached: false };
  }

  /** In a transaction of its own: what was paid for is on record whatever became of the answer. */
  private async charge(run: Run, cost: ReturnType<MeteredGenerator['cost']>, durationMs: number) {
    if (!cost || this.config.ask.model === undefined) return;
    const { id: runId, userId, provider, model, caller } = run;
    askTokens.inc({ direction: 'input' }, cost.usage.inputTokens);
    askTokens.inc({ direction: 'output' }, cost.usage.outputTokens);
    const entry = { id: uuidv7(), userId, runId, provider, model, ...cost, durationMs };
    await this.db.transaction(caller, (tx) => insertLedgerEntry(tx, caller.workspaceId, entry));
  }

  private async recordFailure({ caller, id }: Run, error: unknown): Promise<void> {
    const code = error instanceof Problem ? error.code : 'internal';
    const failure = error instanceof ClientGone ? 'aborted' : code;
    if (code === 'model-unavailable') {
      this.logger.warn({ err: error }, 'the model provider did not answer');
    }
    try {
      await this.db.transaction(caller, (tx) => failRun(tx, caller.workspaceId, { id, failure }));
    } catch (err) {
      this.logger.warn({ err }, 'a failed run stays on record as running');
    }
  }

  private async deleteExpired() {
    try {
      while ((await deleteExpiredRuns(this.db.unscoped, cleanUpBatchSize)) === cleanUpBatchSize);
    } catch (error) {
      this.logger.error({ err: error }, 'expired runs could not be deleted');
    }
  }
}

async function* toAskEvents(
  composing: AsyncGenerator<AnswerEvent, ComposedAnswer, undefined>,
): AsyncGenerator<AskEvent, ComposedAnswer, undefined> {
  for (;;) {
    const step = await composing.next();
    if (step.done) return step.value;
    if (step.value.type === 'delta') yield { name: 'delta', data: { text: step.value.text } };
    else yield { name: 'citation', data: step.value.citation };
  }
}

/** A stored answer as it would have come. */
// oxlint-disable-next-line require-await -- an answer in parts like any other
async function* repeat(stored: AskAnswer): Answering {
  const { id, model, answer, grounded, citations, usage, cached } = stored;
  yield { name: 'run', data: { id, model } };
  yield { name: 'sources', data: { sources: [] } };
  yield { name: 'delta', data: { text: answer } };
  for (const data of citations) yield { name: 'citation', data };
  yield { name: 'usage', data: usage };
  yield { name: 'done', data: { id, grounded, cached } };
  return stored;
}
