import { setTimeout as delay } from 'node:timers/promises';
import { DocumentPage, type Document } from '@capstone/contracts/documents';
import type { ApiClient } from './api-client.js';
import { percentile } from './statistics.js';
import { Progress } from './progress.js';

export interface DrainFigures {
  readonly accepted: number;
  readonly ready: number;
  readonly failed: number;
  /** From the end of the uploads until none was unfinished; undefined when the time ran out. */
  readonly drainSeconds: number | undefined;
  readonly readyPerSecond: number | undefined;
  /** From accepted to ready by the target's own clock, milliseconds. */
  readonly acceptedToReady: { p50: number; p95: number; max: number } | undefined;
}

const unfinished = ['received', 'extracting', 'chunking', 'embedding'] as const;
const everyMs = 500;

/** Waits until the documents of this run are done, then reads from the target how long each took. */
export async function watchDrain(o: {
  api: ApiClient;
  tokens: readonly (() => string)[];
  runId: string;
  accepted: number;
  atMostSeconds: number;
}): Promise<DrainFigures> {
  const startMs = performance.now();
  const deadlineMs = startMs + o.atMostSeconds * 1000;
  const progress = new Progress('workspaces drained');
  let drained = false;
  while (!drained && performance.now() < deadlineMs) {
    const pending = await Promise.all(
      o.tokens.map((token) => hasUnfinished(o.api, token(), o.runId)),
    );
    progress.update(pending.filter((isPending) => !isPending).length, pending.length);
    drained = !pending.includes(true);
    if (!drained) await delay(everyMs);
  }
  const drainSeconds = (performance.now() - startMs) / 1000;
  const documents = (
    await Promise.all(o.tokens.map((token) => documentsOf(o.api, token, o.runId)))
  ).flat();
  return figuresOf(documents, o.accepted, drained ? drainSeconds : undefined);
}

export function figuresOf(
  documents: readonly Document[],
  accepted: number,
  drainSeconds: number | undefined,
): DrainFigures {
  const ready = documents.filter(({ status }) => status === 'ready');
  const tookMs = ready.map(
    ({ createdAt, updatedAt }) => Date.parse(updatedAt) - Date.parse(createdAt),
  );
  const p50 = percentile(tookMs, 0.5);
  const ends = ready.map(({ updatedAt }) => Date.parse(updatedAt));
  const begins = documents.map(({ createdAt }) => Date.parse(createdAt));
  const seconds = (greatest(ends) - least(begins)) / 1000;
  return {
    accepted,
    ready: ready.length,
    failed: documents.filter(({ status }) => status === 'failed').length,
    drainSeconds,
    readyPerSecond: ready.length > 0 && seconds > 0 ? ready.length / seconds : undefined,
    acceptedToReady:
      p50 === undefined
        ? undefined
        : { p50, p95: percentile(tookMs, 0.95)!, max: greatest(tookMs) },
  };
}

async function hasUnfinished(api: ApiClient, token: string, runId: string): Promise<boolean> {
  for (const status of unfinished) {
    const path = `/documents?limit=1&status=${status}&q=${encodeURIComponent(runId)}`;
    const { json } = await api.need([200], 'GET', path, { token });
    if (DocumentPage.parse(json).items.length > 0) return true;
  }
  return false;
}

async function documentsOf(
  api: ApiClient,
  token: () => string,
  runId: string,
): Promise<Document[]> {
  const documents: Document[] = [];
  let cursor: string | null = null;
  do {
    const after = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const path = `/documents?limit=100&q=${encodeURIComponent(runId)}${after}`;
    const { json } = await api.need([200], 'GET', path, { token: token() });
    const page = DocumentPage.parse(json);
    documents.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return documents;
}

function greatest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
}

function least(values: readonly number[]): number {
  return values.reduce((fewest, value) => Math.min(fewest, value), Number.POSITIVE_INFINITY);
}
