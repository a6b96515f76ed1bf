import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { demoCorpus } from './demo-corpus.js';

test('the demo corpus is the documentation of this repository, each page once, nothing installed or built', () => {
  const documents = demoCorpus(fileURLToPath(new URL('../../..', import.meta.url)));

  const keys = documents.map(({ sourceKey }) => sourceKey);
  expect(keys).toEqual(expect.arrayContaining(['README.md', 'services/api/README.md']));
  expect(keys.some((key) => key.startsWith('docs/adr/'))).toBe(true);
  expect(keys.filter((key) => /node_modules|dist\/|^\./.test(key))).toEqual([]);
  expect(new Set(keys).size).toBe(keys.length);
  expect(documents.find(({ sourceKey }) => sourceKey === 'README.md')!.title).toBe(
    'capstone (README.md)',
  );
});
