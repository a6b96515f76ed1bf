import { stopwatch } from '@capstone/platform/metrics';
import { withSpan } from '@capstone/platform/tracing';
import { stageDuration } from '../metrics.js';

export type Stage = 'extract' | 'chunk' | 'embed';

/** Times one stage of an ingestion, and makes it a span where its trace is sampled. */
export async function timeStage<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
  const seconds = stopwatch();
  let outcome = 'failed';
  try {
    const result = await withSpan(`ingestion ${stage}`, {}, work);
    outcome = 'done';
    return result;
  } finally {
    stageDuration.observe({ stage, outcome }, seconds());
  }
}
