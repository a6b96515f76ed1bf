import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { search } from '../src/search.js';
import { rankByBm25 } from './bm25.js';
import { randomFrom } from './random.js';
import { openSearchWorld, type SearchWorld } from './search-world.js';

let world: SearchWorld;

beforeAll(async () => {
  world = await openSearchWorld();
});

afterAll(() => world.close());

/** A workspace with one small document for each text; returns the ids in order. */
async function workspaceOf(...texts: string[]) {
  const workspaceId = randomUUID();
  const documentIds: string[] = [];
  for (const text of texts) {
    const documentId = await world.addDocument(workspaceId, text.slice(0, 20));
    await world.index({ workspaceId, documentId, version: 1 }, text);
    documentIds.push(documentId);
  }
  return { workspaceId, documentIds };
}

const ids = (answer: { hits: { documentId: string }[] }) =>
  answer.hits.map(({ documentId }) => documentId);

describe('keyword search', () => {
  // Words without English endings, so that stems are the words.
  const vocabulary = [
    'kappa',
    'zeta',
    'omega',
    'quark',
    'boson',
    'gluon',
    'lepton',
    'photon',
    'tau',
    'mu',
  ];

  test('ranks and scores as an independent BM25 does', async () => {
    const random = randomFrom(7);
    const texts = Array.from({ length: 40 }, () =>
      Array.from({ length: 3 + random.below(20) }, () => random.pick(vocabulary)).join(' '),
    );
    const { workspaceId, documentIds } = await workspaceOf(...texts);
    const documents = new Map(documentIds.map((id, index) => [id, texts[index]!.split(' ')]));

    for (const query of ['kappa', 'zeta omega', 'quark boson gluon tau', 'mu nothing']) {
      const { hits } = await world.find(workspaceId, query, { limit: 50 });

      const expected = rankByBm25(documents, query.split(' '));
      expect(hits.map(({ score }) => score.toFixed(9))).toEqual(
        expected.map(({ score }) => score.toFixed(9)),
      );
      const scoreOf = new Map(expected.map(({ id, score }) => [id, score.toFixed(9)]));
      for (const hit of hits) expect(hit.score.toFixed(9)).toBe(scoreOf.get(hit.documentId));
    }
  });

  test('answers a question of which no document has all the words', async () => {
    const { workspaceId, documentIds } = await workspaceOf(
      'The mitochondria make energy for the cell.',
      'Paris is a city in France.',
    );

    const answer = await world.find(
      workspaceId,
      'Which organelles are making the energy that cells need daily?',
    );

    expect(ids(answer)).toEqual([documentIds[0]]);
    expect(answer).toMatchObject({ model: null, degraded: [] });
  });

  test('finds the words of the title', async () => {
    const workspaceId = randomUUID();
    const documentId = await world.addDocument(workspaceId, 'Handbook');
    await world.index(
      { workspaceId, documentId, version: 1 },
      'Nothing but text.',
      'Walrus handbook',
    );

    expect(ids(await world.find(workspaceId, 'walrus'))).toEqual([documentId]);
  });

  test('finds text that is written without spaces', async () => {
    const { workspaceId, documentIds } = await workspaceOf(
      '私は東京都に住んでいます。',
      '大阪は楽しい。',
    );

    expect(ids(await world.find(workspaceId, '東京'))).toEqual([documentIds[0]]);
  });
});

describe('vector search', () => {
  test('finds a misspelt word that keyword search cannot', async () => {
    const { workspaceId, documentIds } = await workspaceOf(
      'Photosynthesis in plants.',
      'Tax law for companies.',
    );

    expect(ids(await world.find(workspaceId, 'fotosynthesis', { mode: 'keyword' }))).toEqual([]);
    const answer = await world.find(workspaceId, 'fotosynthesis', { mode: 'vector' });
    expect(ids(answer)[0]).toBe(documentIds[0]);
    expect(answer.model).toBe('lexical-hash-1536');
  });

  test('says so when no vector of its model was ever stored', async () => {
    const { workspaceId } = await workspaceOf('Some text.');
    const other = {
      ...world.embedder,
      describe: () => ({ ...world.embedder.describe(), fingerprint: 'another model' }),
    };
    const request = { workspaceId, query: 'text', limit: 10 };

    const vector = await search(world.api.read({ workspaceId }), other, {
      ...request,
      mode: 'vector',
    });
    const hybrid = await search(world.api.read({ workspaceId }), other, {
      ...request,
      mode: 'hybrid',
    });

    expect(vector).toEqual({ hits: [], model: null, degraded: ['model-not-indexed'] });
    expect(hybrid).toMatchObject({
      hits: [{ version: 1 }],
      model: null,
      degraded: ['model-not-indexed'],
    });
  });
});

describe('hybrid search', () => {
  test('adds the reciprocal ranks of both legs, the lexical model weighing 0.3', async () => {
    const { workspaceId } = await workspaceOf(
      'The walrus sleeps on ice.',
      'A walrus eats clams near the ice.',
      'Ice cream is sweet.',
      'Nothing to see.',
    );

    const { hits } = await world.find(workspaceId, 'walrus on the ice', {
      mode: 'hybrid',
      explain: true,
    });

    expect(hits.length).toBeGreaterThanOrEqual(3);
    for (const { score, scores } of hits) {
      const keyword = scores?.keyword ? 1 / (60 + scores.keyword.rank) : 0;
      const vector = scores?.vector ? 0.3 / (60 + scores.vector.rank) : 0;
      expect(score).toBeCloseTo(keyword + vector, 12);
    }
    expect(hits.map(({ score }) => score)).toEqual(
      hits.map(({ score }) => score).toSorted((a, b) => b - a),
    );
  });

  test('explains only when asked', async () => {
    const { workspaceId } = await workspaceOf('The walrus sleeps.');

    const [plain] = (await world.find(workspaceId, 'walrus', { mode: 'hybrid' })).hits;
    const [explained] = (await world.find(workspaceId, 'walrus', { mode: 'hybrid', explain: true }))
      .hits;

    expect(plain).not.toHaveProperty('scores');
    expect(explained!.scores).toEqual({
      keyword: { rank: 1, score: expect.any(Number) },
      vector: { rank: 1, score: expect.any(Number) },
    });
  });
});

describe('any query', () => {
  test.each([
    ['stop words', 'to be or not to be'],
    ['punctuation', '?!… (—) "\'; --'],
    ['a NUL', '\0'],
    ['half a surrogate pair', '\ud83d'],
    ['an emoji', '👍'],
  ])('of %s gets an empty answer that says why', async (_, query) => {
    const { workspaceId } = await workspaceOf('To be or not to be.');

    for (const mode of ['keyword', 'vector', 'hybrid'] as const) {
      expect(await world.find(workspaceId, query, { mode })).toEqual({
        hits: [],
        model: null,
        degraded: ['no-searchable-terms'],
      });
    }
  });

  test.each([
    ['a thousand characters', 'walrus '.repeat(142)],
    ['a thousand letters', 'w'.repeat(1_000)],
    [
      'a thousand different words',
      Array.from({ length: 250 }, (_, i) => `w${i.toString(36)}`).join(' '),
    ],
    ['tsquery operators', "walrus & | ! <-> :* ( 'x'"],
    ['SQL', "walrus'; drop table search.chunks; --"],
    ['mark-up', '<b>walrus</b> &amp; %00 \\u0000'],
    ['every plane', 'walrus \u0301\u{1f600}\u{10fffd}\u200d\ufdfa\uffff 漢字 عربى'],
    ['a URL', 'https://example.org/walrus?a=b#c user@example.org'],
  ])('of %s is answered', async (_, query) => {
    const { workspaceId } = await workspaceOf('The walrus and w0 sleep.');

    for (const mode of ['keyword', 'vector', 'hybrid'] as const) {
      const answer = await world.find(workspaceId, query, { mode });
      expect(answer.degraded).toEqual([]);
    }
  });

  test('in an empty workspace is answered with nothing', async () => {
    for (const mode of ['keyword', 'vector', 'hybrid'] as const) {
      expect((await world.find(randomUUID(), 'walrus', { mode })).hits).toEqual([]);
    }
  });
});

describe('a hit', () => {
  const filler = 'Many words that nobody looks for fill up the space here. '.repeat(20);

  test('has the exact text of its offsets, for the chunk and for the snippet', async () => {
    const text = `${filler}The walrus 👍 sleeps on the ice. ${filler}`;
    const workspaceId = randomUUID();
    const documentId = await world.addDocument(workspaceId, 'Animals');
    await world.index({ workspaceId, documentId, version: 3 }, text);

    const [hit] = (await world.find(workspaceId, 'walrus')).hits;

    expect(hit).toMatchObject({ documentId, version: 3, title: 'Animals', headingPath: [] });
    expect(hit!.content).toBe(text.slice(hit!.charStart, hit!.charEnd));
    expect(hit!.snippet.text).toBe(text.slice(hit!.snippet.charStart, hit!.snippet.charEnd));
    expect(hit!.snippet.text).toContain('The walrus');
    expect(hit!.chunkId).toMatch(new RegExp(`^${documentId}:3:\\d+$`));
  });

  test('is one of at most three of its document while others match', async () => {
    const { workspaceId, documentIds } = await workspaceOf(
      'The walrus sleeps on the ice all day long. '.repeat(40),
      'A single walrus passes by somewhere among many other words that have nothing to do with it.',
    );

    const few = await world.find(workspaceId, 'walrus', { limit: 4 });
    const many = await world.find(workspaceId, 'walrus', { limit: 8 });

    expect(ids(few).filter((id) => id === documentIds[0])).toHaveLength(3);
    expect(ids(few)).toContain(documentIds[1]);
    expect(many.hits).toHaveLength(8);
  });
});

async function filteredWorkspace() {
  const workspaceId = randomUUID();
  const add = async (title: string, metadata: Record<string, string | number | boolean>) => {
    const documentId = await world.addDocument(workspaceId, title, metadata);
    await world.index({ workspaceId, documentId, version: 1 }, `A walrus in ${title}.`);
    return documentId;
  };
  return {
    workspaceId,
    sea: await add('sea', { place: 'sea', year: 2024, draft: true }),
    land: await add('land', { place: 'land', year: 2024, draft: false }),
    sky: await add('sky', { place: 'sky', year: '2024' }),
  };
}

describe('filters', () => {
  test('by document leave only those', async () => {
    const { workspaceId, land, sky } = await filteredWorkspace();

    for (const mode of ['keyword', 'vector', 'hybrid'] as const) {
      const answer = await world.find(workspaceId, 'walrus', {
        mode,
        filters: { documentIds: [land, sky] },
      });
      expect(ids(answer).toSorted()).toEqual([land, sky].toSorted());
    }
  });

  test('by metadata compare type and value, and all of them must hold', async () => {
    const { workspaceId, sea, land, sky } = await filteredWorkspace();
    const matching = async (metadata: Record<string, string | number | boolean>) =>
      new Set(
        ids(await world.find(workspaceId, 'walrus', { mode: 'hybrid', filters: { metadata } })),
      );

    expect(await matching({ year: 2024 })).toEqual(new Set([sea, land]));
    expect(await matching({ year: '2024' })).toEqual(new Set([sky]));
    expect(await matching({ draft: true })).toEqual(new Set([sea]));
    expect(await matching({ year: 2024, place: 'land' })).toEqual(new Set([land]));
    expect(await matching({ year: 2024, place: 'sky' })).toEqual(new Set());
    expect(await matching({ unknown: 1 })).toEqual(new Set());
    expect(await matching({})).toEqual(new Set([sea, land, sky]));
  });
});

describe('another workspace', () => {
  test('shows none of its chunks, whatever is asked for', async () => {
    const mine = await workspaceOf('The walrus is mine.');
    const theirs = await workspaceOf('The walrus is theirs.', 'Their secret is safe.');

    for (const mode of ['keyword', 'vector', 'hybrid'] as const) {
      expect(ids(await world.find(mine.workspaceId, 'walrus secret', { mode }))).toEqual(
        mine.documentIds,
      );
      const filters = { documentIds: theirs.documentIds };
      expect(ids(await world.find(mine.workspaceId, 'walrus secret', { mode, filters }))).toEqual(
        [],
      );
    }
  });

  test('cannot be reached by naming it, because the connection decides', async () => {
    const theirs = await workspaceOf('The walrus is theirs.');
    const request = {
      workspaceId: theirs.workspaceId,
      query: 'walrus',
      mode: 'hybrid',
      limit: 10,
    } as const;

    for (const scope of [{ workspaceId: randomUUID() }, {}]) {
      expect((await search(world.api.read(scope), world.embedder, request)).hits).toEqual([]);
    }
  });

  test('does not move a score with its statistics', async () => {
    const mine = await workspaceOf('The walrus sleeps.', 'The seal sleeps.');
    const before = await world.find(mine.workspaceId, 'walrus sleeps', {
      mode: 'hybrid',
      explain: true,
    });

    await workspaceOf(
      'walrus walrus walrus',
      'walrus and more',
      'the walrus of all walruses sleeps',
    );

    expect(
      await world.find(mine.workspaceId, 'walrus sleeps', { mode: 'hybrid', explain: true }),
    ).toEqual(before);
  });
});
