import { describe, expect, test } from 'vitest';
import { chunkText, defaultChunkSize, indexedText, type Chunk } from './chunk-text.js';
import { extractText, type Block } from './extract.js';
import { randomFrom } from '../test/random.js';

const markdown = (source: string, title = 'Guide') =>
  chunkText(extractText(Buffer.from(source), 'text/markdown'), title);
const words = (count: number, word = 'word') => Array.from({ length: count }, () => word).join(' ');
const paragraph = (sentences: number) =>
  Array.from(
    { length: sentences },
    (_, i) => `Sentence ${i} says what it has to say in ten words.`,
  ).join(' ');

/** What must hold for any text: returns the chunks for more. */
function checkedChunks(text: string, blocks: readonly Block[]): Chunk[] {
  const chunks = chunkText({ text, blocks }, 'Title');
  const covered = new Uint8Array(text.length);
  let before: Chunk | undefined;
  chunks.forEach((chunk, index) => {
    expect(chunk.ordinal).toBe(index);
    expect(chunk.content).toBe(text.slice(chunk.charStart, chunk.charEnd));
    expect(chunk.content).toBe(chunk.content.trim());
    expect(chunk.content).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
    expect(chunk.content.length).toBeLessThan(8_000);
    // Each chunk brings something new.
    if (before) expect(chunk.charEnd).toBeGreaterThan(before.charEnd);
    if (before) expect(chunk.charStart).toBeGreaterThan(before.charStart);
    covered.fill(1, chunk.charStart, chunk.charEnd);
    before = chunk;
  });
  for (const block of blocks) {
    for (let at = block.start; at < block.end; at += 1) {
      if (!covered[at] && /\S/.test(text[at]!)) throw new Error(`Character ${at} is in no chunk.`);
    }
  }
  return chunks;
}

describe('any text', () => {
  const alphabet = [
    'a', 'word', 'Sentence. ', 'Question? ', '. ', '\n', '\n\n', '\r\n', ' ', '\t', '👍', '👩‍👩‍👧', '漢字。', 'é', '# ',
    '- ', '|', '```\n', 'x'.repeat(300), ' '.repeat(250), '👍'.repeat(120), '漢'.repeat(500), words(500),
  ]; // prettier-ignore

  test.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'is covered by exact slices that move on (seed %i)',
    (seed) => {
      const random = randomFrom(seed);
      const text = Array.from({ length: 1 + random.below(400) }, () => random.pick(alphabet)).join(
        '',
      );

      checkedChunks(text, [{ kind: 'paragraph', start: 0, end: text.length }]);
      for (const contentType of ['text/plain', 'text/markdown'] as const) {
        const extracted = extractText(Buffer.from(`start ${text}`), contentType);
        checkedChunks(extracted.text, extracted.blocks);
      }
    },
  );

  test.each([
    ['one huge word', 'a'.repeat(5_000_000)],
    ['one huge line', words(1_000_000)],
    ['emoji without a space', '👍'.repeat(1_000_000)],
    ['one-letter sentences', 'a. '.repeat(1_000_000)],
    ['an abyss of blanks', `a${' '.repeat(5_000_000)}b`],
  ])('takes linear time for %s', (_, text) => {
    expect(checkedChunks(text, [{ kind: 'paragraph', start: 0, end: text.length }])).not.toEqual(
      [],
    );
  });
});

describe('a long section', () => {
  test('is cut at sentences, into chunks of about the target that overlap', () => {
    const chunks = markdown(paragraph(200));

    for (const [index, chunk] of chunks.slice(1).entries()) {
      const overlap = chunks[index]!.charEnd - chunk.charStart;
      expect(overlap).toBeGreaterThan(0);
      expect(overlap).toBeLessThan(0.25 * chunk.content.length);
      expect(chunk.content).toMatch(/^Sentence \d+ says.*words\.$/);
    }
    for (const chunk of chunks.slice(0, -1)) {
      expect(chunk.tokens).toBeGreaterThan(0.8 * defaultChunkSize.target);
      expect(chunk.tokens).toBeLessThanOrEqual(defaultChunkSize.target);
    }
  });

  test('rather ends a chunk early than cut a paragraph that fits in one', () => {
    const [first, second] = [paragraph(20), paragraph(15)];

    expect(markdown(`${first}\n\n${second}`).map(({ content }) => content)).toEqual([
      first,
      expect.stringContaining(second),
    ]);
  });
});

describe('headings', () => {
  test('begin a chunk, and are named above those that follow', () => {
    const chunks = markdown(
      `# Guide\n\n${paragraph(12)}\n\n## Install\n\n${paragraph(60)}\n\n## Use\n\n${paragraph(12)}`,
    );

    const starts = chunks.filter(({ content }) => content.startsWith('#'));
    expect(starts.map(({ content }) => content.split('\n')[0])).toEqual([
      '# Guide',
      '## Install',
      '## Use',
    ]);
    expect(chunks.map(({ headingPath }) => headingPath)).toEqual([
      ['Guide'],
      ['Guide', 'Install'],
      ['Guide', 'Install'],
      ['Guide', 'Install'],
      ['Guide', 'Use'],
    ]);
  });

  test('are indexed once with each chunk below them, outside its offsets', () => {
    const chunks = markdown(`# Guide\n\n## Install\n\n${paragraph(60)}`, 'Title');

    expect(chunks.map(({ context }) => context)).toEqual([
      'Title',
      'Title\nGuide\nInstall',
      'Title\nGuide\nInstall',
    ]);
    for (const chunk of chunks) expect(indexedText(chunk).match(/Install/g)).toHaveLength(1);
  });

  test('gather small sections in one chunk', () => {
    const chunks = markdown('# A\n\nShort.\n\n## B\n\nShort, too.\n\n## C\n\nAlso short.');

    expect(chunks).toHaveLength(1);
  });

  test('do not end a chunk', () => {
    const chunks = markdown(`${paragraph(30)}\n\n# Last\n\n${paragraph(30)}`);

    for (const { content } of chunks) expect(content).not.toMatch(/# Last$/);
  });

  test('alone make a document, too', () => {
    expect(markdown('# One\n## Two\n').map(({ content }) => content)).toEqual(['# One\n## Two']);
  });
});

describe('the hash', () => {
  test('is equal for equal title, headings and content, wherever they stand', () => {
    const [before] = markdown('# Same\n\nThe text.');
    const [after] = markdown('\n\n# Same\n\nThe text.');

    expect(after!.sha256).toBe(before!.sha256);
  });

  test('changes with the content and with the title', () => {
    const hashes = [
      markdown('The text.'),
      markdown('The test.'),
      markdown('The text.', 'Other'),
    ].map(([chunk]) => chunk!.sha256);

    expect(new Set(hashes).size).toBe(3);
  });

  test('stays for most chunks when a document is edited in one place', () => {
    const sections = Array.from(
      { length: 100 },
      (_, i) => `## Section ${i}\n\n${paragraph(15)} About ${i}.`,
    );
    const before = markdown(sections.join('\n\n'));
    sections[40] += ' Edited.';
    const known = new Set(before.map(({ sha256 }) => sha256));

    const changed = markdown(sections.join('\n\n')).filter(({ sha256 }) => !known.has(sha256));

    expect(changed.length).toBeLessThanOrEqual(3);
  });
});
