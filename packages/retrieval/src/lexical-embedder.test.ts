import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createLexicalEmbedder } from './lexical-embedder.js';

const embedder = createLexicalEmbedder();

async function embed(text: string, termWeights?: ReadonlyMap<string, number>) {
  const options = termWeights
    ? ({ kind: 'query', termWeights } as const)
    : ({ kind: 'document' } as const);
  const [vector] = await embedder.embed([text], options);
  return vector!;
}

function product(a: Float32Array, b: Float32Array) {
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0);
}

async function similarity(a: string, b: string) {
  return product(await embed(a), await embed(b));
}

describe('a vector', () => {
  test('has the described dimensions and length 1', async () => {
    const vector = await embed('The quick brown fox jumps over the lazy dog.');

    expect(vector).toHaveLength(embedder.describe().dimensions);
    expect(product(vector, vector)).toBeCloseTo(1, 5);
  });

  test('depends on its text alone', async () => {
    const alone = await embed('a text of its own');
    const [, among] = await embedder.embed(['other words', 'a text of its own'], {
      kind: 'document',
    });

    expect(among).toEqual(alone);
  });

  // Stored vectors are compared with new ones: when this fails, the fingerprint needs a new number.
  test('stays what it was when it was stored', async () => {
    const vector = await embed('Vectors of this model are kept in databases.');

    const rounded = Array.from(vector, (value) => value.toFixed(4)).join();
    expect(createHash('sha256').update(rounded).digest('hex').slice(0, 16)).toBe(
      'cb0a803cca352433',
    );
  });

  test.each([[''], ['the of and'], ['?!'], ['\ud800'], ['\0']])(
    'is zero for %j, which has no word',
    async (text) => {
      expect((await embed(text)).every((value) => value === 0)).toBe(true);
    },
  );

  test('exists for text in any script', async () => {
    for (const text of ['東京都', 'привет мир', 'مرحبا', '🚀 rocket', 'ﬁne']) {
      const vector = await embed(text);
      expect(product(vector, vector)).toBeCloseTo(1, 5);
    }
  });
});

describe('likeness', () => {
  test('is high for other forms of the words and low for other words', async () => {
    const query = 'indexing documents quickly';

    expect(await similarity(query, 'a document is indexed quick')).toBeGreaterThan(0.4);
    expect(await similarity(query, 'the weather in spring')).toBeLessThan(0.15);
  });

  test('survives a misspelling', async () => {
    const misspelt = await similarity('mitochondria', 'mitochondira');

    expect(misspelt).toBeGreaterThan(0.1);
    expect(misspelt).toBeGreaterThan(3 * (await similarity('mitochondria', 'chlorophyll')));
  });

  test('is lexical: a synonym is no nearer than any other word', async () => {
    expect(await similarity('car', 'automobile')).toBeLessThan(0.1);
  });

  test('follows the rare word where the query carries weights', async () => {
    const weights = new Map([
      ['cell', 0.1],
      ['telomerase', 8],
    ]);
    const query = await embed('cell telomerase', weights);

    const [rare, common] = [await embed('telomerase'), await embed('cell')];
    expect(product(query, rare)).toBeGreaterThan(3 * product(query, common));
  });
});

test('stops before the work when the caller has given up', async () => {
  await expect(async () =>
    embedder.embed(['x'], { kind: 'document', signal: AbortSignal.abort() }),
  ).rejects.toThrow();
});
