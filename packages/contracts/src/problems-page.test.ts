import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { problemsPage } from './problems-page.js';

test('docs/problems.md is what the catalogue says', () => {
  const page = readFileSync(new URL('../../../docs/problems.md', import.meta.url), 'utf8');

  expect(page).toBe(problemsPage());
});
