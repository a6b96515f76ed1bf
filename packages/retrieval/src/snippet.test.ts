import { describe, expect, test } from 'vitest';
import { cutSnippet } from './snippet.js';

const filler = 'Nothing of interest stands in this sentence. '.repeat(20);

function snippetOf(content: string, ...queryWords: string[]) {
  const snippet = cutSnippet({ content, charStart: 1_000 }, queryWords);
  expect(snippet.text).toBe(content.slice(snippet.charStart - 1_000, snippet.charEnd - 1_000));
  expect(snippet.text.length).toBeLessThanOrEqual(280);
  return snippet.text;
}

describe('a snippet', () => {
  test('is the whole of a short chunk', () => {
    expect(snippetOf('Short and good.', 'good')).toBe('Short and good.');
  });

  test('begins with the sentence of the match', () => {
    const text = snippetOf(`${filler}Here the walrus sleeps. ${filler}`, 'walrus');

    expect(text).toMatch(/^Here the walrus sleeps\. Nothing/);
  });

  test('shows the place where most of the words meet, in any form of them', () => {
    const text = snippetOf(
      `${filler}A walrus. ${filler}Indexed walruses were sleeping. ${filler}`,
      'walrus',
      'index',
      'sleep',
    );

    expect(text).toContain('Indexed walruses were sleeping');
  });

  test('is the beginning where no word matches, as after a search by vector', () => {
    expect(snippetOf(filler, 'walrus')).toMatch(/^Nothing.*\w[.]?$/);
  });

  test('never cuts a surrogate pair', () => {
    const text = snippetOf(`walrus${'👍'.repeat(400)}`, 'walrus');

    expect(text.isWellFormed()).toBe(true);
  });
});
