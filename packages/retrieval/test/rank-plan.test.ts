import { randomUUID } from 'node:crypto';
import { withClient } from '@capstone/testing/postgres-admin';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rankChunks } from '../src/rank-chunks.js';
import { vectorLiteral } from '../src/vector-literal.js';
import { openSearchWorld, type SearchWorld } from './search-world.js';

const workspaceId = randomUUID();
let world: SearchWorld;

beforeAll(async () => {
  world = await openSearchWorld();
  await withClient(world.server.urlFor('admin'), world.server.caFile, async (admin) => {
    await admin.query(manyWorkspaces, [workspaceId, world.modelId]);
    await admin.query('analyze');
  });
});

afterAll(() => world.close());

// The tables of one row a workspace may be read whole.
test.each(['custom', 'generic'])(
  'the %s plan of a search reads its workspace through indexes',
  async (kind) => {
    const plan = await explain(`force_${kind}_plan`);

    const named = (pattern: RegExp) => plan.flatMap((line) => pattern.exec(line)?.[1] ?? []);
    expect(named(/Index.* Scan (?:using|on) (\w+)/)).toEqual(
      expect.arrayContaining([
        'term_stats_pkey',
        'chunk_terms_key',
        'chunk_embeddings_pkey',
        'chunks_pkey',
      ]),
    );
    expect(named(/Seq Scan on (\w+)/).filter((table) => table !== 'workspace_stats')).toEqual([]);
  },
);

async function explain(planCacheMode: string) {
  const vector = new Float32Array(1_536).fill(0.02);
  return world.api.transaction({ workspaceId }, async (tx) => {
    await tx.query('test_plan_mode', `select set_config('plan_cache_mode', $1, true)`, [
      planCacheMode,
    ]);
    const lines: string[] = [];
    const explaining = {
      query: async (name: string, text: string, values?: readonly unknown[]) => {
        const rows = await tx.query<{ 'QUERY PLAN': string }>(
          `explain_${name}`,
          `explain ${text}`,
          values,
        );
        lines.push(...rows.map((row) => row['QUERY PLAN']));
        return [];
      },
    };
    await rankChunks(explaining, {
      workspaceId,
      limit: 10,
      searchable: 'word7 word13',
      vector: { modelId: world.modelId, literal: vectorLiteral(vector), weight: 0.3 },
      documentIds: null,
      attributes: [],
    });
    return lines;
  });
}

// 40 workspaces of 60 chunks with 40 different words each.
const manyWorkspaces = `
with workspaces as (
  select case n when 1 then $1::uuid else gen_random_uuid() end as workspace_id
  from generate_series(1, 40) n
), documents as (
  insert into app.documents (workspace_id, id, title, created_by)
  select workspace_id, gen_random_uuid(), 'Seeded', workspace_id
  from workspaces, generate_series(1, 60)
  returning workspace_id, id
), revisions as (
  insert into search.revisions (workspace_id, document_id, version, state)
  select workspace_id, id, 1, 'published' from documents
  returning workspace_id, id
), chunks as (
  insert into search.chunks (workspace_id, revision_id, ordinal, char_start, char_end, content, heading_path, context,
    sha256, tokens, length)
  select workspace_id, id, 0, 0, 1, 'x', '{}', '', sha256(id::text::bytea), 1, 40 from revisions
  returning workspace_id, revision_id
), embeddings as (
  insert into search.chunk_embeddings (workspace_id, revision_id, ordinal, model_id, embedding)
  select workspace_id, revision_id, 0, $2::integer, array_fill(0.02::real, array[1536])::halfvec from chunks
), terms as (
  insert into search.chunk_terms (workspace_id, lexeme, revision_id, ordinal, frequency, chunk_length)
  select workspace_id, 'word' || (revision_id * 7 + n) % 400, revision_id, 0, 1, 40
  from chunks, generate_series(1, 40) n
  returning workspace_id, lexeme
), term_stats as (
  insert into search.term_stats (workspace_id, lexeme, chunk_frequency)
  select workspace_id, lexeme, count(*) from terms group by workspace_id, lexeme
)
insert into search.workspace_stats (workspace_id, chunks, total_length)
select workspace_id, count(*), count(*) * 40 from chunks group by workspace_id`;
