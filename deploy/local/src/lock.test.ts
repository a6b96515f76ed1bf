import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tryLock, withLock } from './lock.js';

let file: string;

beforeEach(() => {
  file = join(mkdtempSync(join(tmpdir(), 'capstone-lock-')), 'a', 'lock');
});

afterEach(() => {
  rmSync(join(file, '../..'), { recursive: true, force: true });
});

test('only one holder at a time has the lock', () => {
  const first = tryLock(file);

  expect(first).toBeDefined();
  expect(tryLock(file)).toBeUndefined();

  first?.release();
  const second = tryLock(file);
  expect(second).toBeDefined();
  second?.release();
});

test('work under the lock takes turns, also after a failure', async () => {
  const order: string[] = [];
  const work = (name: string) => async () => {
    order.push(`${name} begins`);
    await Promise.resolve();
    order.push(`${name} ends`);
    if (name === 'first') throw new Error('first fails');
  };

  const results = await Promise.allSettled([
    withLock(file, work('first')),
    withLock(file, work('second')),
  ]);

  expect(results.map((result) => result.status)).toEqual(['rejected', 'fulfilled']);
  expect(order).toEqual(['first begins', 'first ends', 'second begins', 'second ends']);
});
