import { expect, test } from 'vitest';
import type { Document } from '@capstone/contracts/documents';
import { figuresOf } from './queue-drain.js';

function document(status: Document['status'], createdSecond: number, tookMs: number): Document {
  const createdMs = Date.parse('2026-11-21T12:00:00Z') + createdSecond * 1000;
  return {
    id: '01939c00-0000-7000-8000-000000000000',
    title: 'load-1 0',
    sourceKey: null,
    contentType: 'text/markdown',
    bytes: 10,
    status,
    version: 1,
    counts: { characters: 10, chunks: 1, embedded: 1 },
    error: null,
    metadata: {},
    createdAt: new Date(createdMs).toISOString(),
    updatedAt: new Date(createdMs + tookMs).toISOString(),
  };
}

test('reads from the documents how long they took and how many a second got ready', () => {
  const documents = [
    document('ready', 0, 1_000),
    document('ready', 1, 3_000),
    document('failed', 1, 50),
  ];

  expect(figuresOf(documents, 3, 12.5)).toEqual({
    accepted: 3,
    ready: 2,
    failed: 1,
    drainSeconds: 12.5,
    readyPerSecond: 0.5,
    acceptedToReady: { p50: 2_000, p95: 2_900, max: 3_000 },
  });
});

test('has no times where nothing got ready', () => {
  expect(figuresOf([], 5, undefined)).toMatchObject({
    ready: 0,
    readyPerSecond: undefined,
    acceptedToReady: undefined,
  });
});
