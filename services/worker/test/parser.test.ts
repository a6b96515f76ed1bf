import { afterEach, describe, expect, test } from 'vitest';
import { UnreadableDocument } from '@capstone/retrieval/unreadable-document';
import { Parser } from '../src/ingestion/parser.js';
import { longText } from './workspace.js';

let parser = new Parser({ timeoutMs: 10_000, memoryMb: 256 });
afterEach(() => parser.close());

describe('the parser', () => {
  test('extracts and chunks away from this process', async () => {
    const text = longText(2_000);
    let turns = 0;
    const ticking = setInterval(() => (turns += 1), 5);

    const extracted = await parser.extract(Buffer.from(text), 'text/markdown');
    const chunks = await parser.chunk(extracted, 'Title');

    clearInterval(ticking);
    expect(extracted.text).toBe(text);
    expect(chunks.length).toBeGreaterThan(100);
    expect(turns).toBeGreaterThan(2);
  });

  test('says what is wrong with a document, and goes on', async () => {
    await expect(parser.extract(Buffer.from([0xff]), 'text/plain')).rejects.toMatchObject({
      name: 'UnreadableDocument',
      code: 'corrupt',
    });
    await expect(parser.extract(Buffer.from('Fine.'), 'text/plain')).resolves.toMatchObject({
      text: 'Fine.',
    });
  });

  test('ends a child that takes too long, and starts another', async () => {
    parser = new Parser({ timeoutMs: 1, memoryMb: 256 });
    const slow = parser.extract(Buffer.from(longText(5_000)), 'text/markdown');

    await expect(slow).rejects.toThrow(UnreadableDocument);
    await expect(slow).rejects.toMatchObject({ code: 'too_large' });
  });

  test('ends a child that takes too much memory, and nothing else', async () => {
    parser = new Parser({ timeoutMs: 60_000, memoryMb: 64 });
    const large = Buffer.from('<p><b>a</b>'.repeat(300_000));

    await expect(parser.extract(large, 'text/html')).rejects.toMatchObject({
      code: 'too_large',
    });
    await expect(parser.extract(Buffer.from('Fine.'), 'text/plain')).resolves.toMatchObject({
      text: 'Fine.',
    });
  });

  test('close ends children that are at work', async () => {
    const running = parser.extract(Buffer.from(longText(20_000)), 'text/markdown');
    const ended = expect(running).rejects.toThrow('The parser process ended');

    parser.close();

    await ended;
  });
});
