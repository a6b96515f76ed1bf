import { DocumentContent } from '@capstone/contracts/documents';
import { SearchResult } from '@capstone/contracts/search';
import { check, type Probe, type World } from './probe.js';

/** A document about one made-up thing, and questions that only it answers. */
export const sample = {
  title: 'The lighthouse of Orvannick',
  content: `# The lighthouse of Orvannick

The lighthouse of Orvannick was built in 1874 by the engineer Maud Tressilian, of granite from the quarry at Pellow.

## The lamp

Its lamp burns colza oil and is turned by a clockwork that a keeper winds every four hours. The beam is seen from nineteen miles.

## The keepers

Three keepers live on the rock for six weeks at a time. Bread comes by boat on Tuesdays, weather permitting.
`,
  contentType: 'text/markdown',
} as const;

/** A RAG API on a vector database: milestone 3. */
export const ragProbes: readonly Probe[] = [
  {
    milestone: 3,
    item: 'An uploaded document becomes searchable in the background',
    proof: ['services/worker/test/ingestion.test.ts', 'services/worker/test/kill.test.ts'],
    run({ document }) {
      check(document !== undefined, 'the document did not become ready within 30 s');
      const { counts, createdAt, updatedAt } = document;
      check(counts.chunks > 0 && counts.embedded === counts.chunks, 'not every chunk has a vector');
      const tookMs = Date.parse(updatedAt) - Date.parse(createdAt);
      return Promise.resolve(`${counts.chunks} chunks embedded, ready after ${tookMs} ms`);
    },
  },
  {
    milestone: 3,
    item: 'Vector search, by meaning, over vectors in the database',
    proof: ['packages/retrieval/test/search.test.ts', 'docs/adr/0005-retrieval-is-sql.md'],
    run: (world) => searchFinds(world, 'vector', 'lamp burning oil, turned by clockwork'),
  },
  {
    milestone: 3,
    item: 'Keyword search, by words',
    proof: ['packages/retrieval/test/search.test.ts'],
    run: (world) => searchFinds(world, 'keyword', 'colza keeper'),
  },
  {
    milestone: 3,
    item: 'Hybrid search, and an explanation of the ranking',
    proof: ['packages/retrieval/test/rank-plan.test.ts'],
    run: (world) => searchFinds(world, 'hybrid', 'who built the lighthouse of Orvannick?'),
  },
  {
    milestone: 3,
    item: 'Ask: an answer with citations that quote the source to the letter',
    proof: [],
    async run({ ada, document }) {
      check(document !== undefined, 'no document became ready to ask about');
      const question = 'When was the lighthouse of Orvannick built, and by whom?';
      const { json } = await ada.expect(200, 'POST', '/ask', { body: { question } });
      const { grounded, citations } = json as {
        grounded: boolean;
        citations: { documentId: string; charStart: number; charEnd: number; quote: string }[];
      };
      check(grounded && citations.length > 0, 'the answer cites nothing');
      const content = await ada.expect(200, 'GET', `/documents/${document.id}/content`);
      const { text } = DocumentContent.parse(content.json);
      const wrong = citations.filter(
        ({ charStart, charEnd, quote }) => text.slice(charStart, charEnd) !== quote,
      );
      check(wrong.length === 0, `${wrong.length} quotes are not in the text`);
      return `${citations.length} citations, each quoted exactly`;
    },
  },
  {
    milestone: 3,
    item: 'Ask without support: says so and invents nothing',
    proof: [],
    async run({ ada }) {
      const question = 'What is the boiling point of tungsten hexafluoride on Neptune?';
      const { json } = await ada.expect(200, 'POST', '/ask', { body: { question } });
      const { grounded, citations } = json as { grounded: boolean; citations: unknown[] };
      check(!grounded && citations.length === 0, 'it answered all the same');
      return 'grounded: false, no citation';
    },
  },
];

async function searchFinds(
  { ada, document }: World,
  mode: 'vector' | 'keyword' | 'hybrid',
  query: string,
): Promise<string> {
  check(document !== undefined, 'no document became ready to search for');
  const body = { query, mode, explain: true };
  const { json } = await ada.expect(200, 'POST', '/search', { body });
  const { items, model, tookMs } = SearchResult.parse(json);
  check(items[0]?.documentId === document.id, 'the document is not found first');
  check(mode === 'keyword' || model !== null, 'no embedding model is named');
  check(items[0].scores !== undefined, 'explain explains nothing');
  return `found first in ${tookMs.toFixed(1)} ms${model === null ? '' : `, model ${model}`}`;
}
