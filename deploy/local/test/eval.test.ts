import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from '@capstone/eval/api-client';
import { readDataSet } from '@capstone/eval/data-set';
import { evaluate, type Evaluation } from '@capstone/eval/evaluate';
import { root, System } from './system.js';

let system: System;
let evaluation: Evaluation;
beforeAll(async () => {
  system = await System.start();
  const client = await ApiClient.register(system.api);
  evaluation = await evaluate(client, readDataSet(join(root, 'packages/eval/fixture')));
}, 120_000);
afterAll(() => system?.stop());

describe('on the collection of our own, through three processes', () => {
  test.each(['keyword', 'vector', 'hybrid'] as const)('mode %s finds what it should', (mode) => {
    const { ndcg10, recall10, zeroResultRate } = evaluation.modes[mode];

    expect(ndcg10.mean).toBeGreaterThan(0.8);
    expect(recall10.mean).toBeGreaterThan(0.9);
    expect(zeroResultRate).toBe(0);
  });

  test('neither keyword nor hybrid search is significantly worse than an independent BM25, nor hybrid than keyword', () => {
    expect(evaluation.modes.keyword.againstBm25.high).toBeGreaterThanOrEqual(0);
    expect(evaluation.modes.hybrid.againstBm25.high).toBeGreaterThanOrEqual(0);
    expect(evaluation.modes.hybrid.againstKeyword.high).toBeGreaterThanOrEqual(0);
  });

  test('questions without an answer are refused, those with one are answered from its document', () => {
    const { ask } = evaluation;

    expect(ask!.refused / ask!.unanswerable).toBeGreaterThanOrEqual(0.95);
    expect(ask!.answered / ask!.answerable).toBeGreaterThanOrEqual(0.85);
    expect(ask!.citingRight / ask!.answered).toBeGreaterThanOrEqual(0.95);
  });

  test('every citation is true', () => {
    const { ask } = evaluation;

    expect(ask!.citations).toBeGreaterThan(ask!.answerable / 2);
    expect(ask!.trueCitations).toBe(ask!.citations);
  });
});
