import { z } from 'zod';
import { text } from './text.js';

export const SearchMode = z.enum(['hybrid', 'keyword', 'vector']);
export type SearchMode = z.infer<typeof SearchMode>;

const query = text().trim().min(1).max(1_000);
const limit = z.number().int().min(1).max(100).default(10);

export const SearchFilters = z
  .strictObject({
    documentIds: z.array(z.uuid()).min(1).max(100).optional(),
    metadata: z
      .record(text().min(1).max(64), z.union([text().max(500), z.number(), z.boolean()]))
      .optional()
      .meta({ description: 'Every entry must be equal.' }),
  })
  .meta({ id: 'SearchFilters' });
export type SearchFilters = z.infer<typeof SearchFilters>;

export const Search = z
  .strictObject({
    query,
    mode: SearchMode.default('hybrid'),
    limit,
    filters: SearchFilters.optional(),
    explain: z
      .boolean()
      .default(false)
      .meta({ description: 'Adds rank and score of each leg to every item.' }),
  })
  .meta({ id: 'Search' });
export type Search = z.infer<typeof Search>;

/** GET /search: the same with defaults. */
export const SearchQuery = z.strictObject({
  q: query,
  mode: SearchMode.default('hybrid'),
  limit: z.coerce.number().int().min(1).max(100).default(10),
});
export type SearchQuery = z.infer<typeof SearchQuery>;

const leg = z.object({ rank: z.int(), score: z.number() });

export const SearchItem = z
  .object({
    documentId: z.uuid(),
    chunkId: z.string(),
    title: z.string(),
    headingPath: z.array(z.string()),
    snippet: z.string(),
    charStart: z.int().meta({
      description: 'Offset into the canonical text (GET /documents/{id}/content), in UTF-16 units.',
    }),
    charEnd: z.int(),
    score: z.number(),
    scores: z.object({ keyword: leg.optional(), vector: leg.optional() }).optional(),
  })
  .meta({ id: 'SearchItem' });
export type SearchItem = z.infer<typeof SearchItem>;

export const SearchResult = z
  .object({
    items: z.array(SearchItem),
    mode: SearchMode,
    model: z
      .string()
      .nullable()
      .meta({ description: 'The embedding model of the vector leg; null for keyword.' }),
    tookMs: z.number(),
    degraded: z
      .array(z.string())
      .meta({ description: 'What was left out or replaced to answer at all.' }),
  })
  .meta({ id: 'SearchResult' });
export type SearchResult = z.infer<typeof SearchResult>;
