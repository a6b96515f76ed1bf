import { counter, histogram } from '@capstone/platform/metric-registry';

/** What this service counts besides what the platform does. */
export const requeued = counter({
  name: 'worker_requeued_total',
  help: 'Jobs queued again by the reaper, because their worker died or Redis lost them.',
  labels: ['name'],
  combinations: 10,
});

export const stageDuration = histogram({
  name: 'worker_ingestion_stage_duration_seconds',
  help: 'Time one stage of the ingestion of a document took, by outcome: done, or failed and to be repeated.',
  labels: ['stage', 'outcome'],
  combinations: 8,
  buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
});

export const documentsFinished = counter({
  name: 'worker_documents_finished_total',
  help: 'Versions of documents that reached their end: ready or failed.',
  labels: ['status'],
  combinations: 2,
});

export const chunksEmbedded = counter({
  name: 'worker_chunks_embedded_total',
  help: 'Chunks that were given a vector.',
});
