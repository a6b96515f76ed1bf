import { z } from 'zod';
import { ProblemDocument } from './problem-document.js';
import { SearchFilters } from './search.js';
import { text } from './text.js';

export const Ask = z
  .strictObject({
    question: text().trim().min(1).max(1_000),
    filters: SearchFilters.optional(),
    limit: z
      .number()
      .int()
      .min(1)
      .max(20)
      .default(8)
      .meta({ description: 'How many passages may be drawn on.' }),
  })
  .meta({ id: 'Ask' });
export type Ask = z.infer<typeof Ask>;

/** All offsets are in UTF-16 units. */
export const Citation = z
  .object({
    documentId: z.uuid(),
    chunkId: z.string(),
    charStart: z.int().meta({
      description: 'Into the canonical text (GET /documents/{id}/content); `quote` stands there.',
    }),
    charEnd: z.int(),
    quote: z.string(),
    answerStart: z.int().meta({ description: 'Into the answer: what the quote carries.' }),
    answerEnd: z.int(),
  })
  .meta({ id: 'Citation' });
export type Citation = z.infer<typeof Citation>;

/** In tokens, as the provider counts them; all 0 where none was asked. */
export const AskUsage = z
  .object({ inputTokens: z.int(), outputTokens: z.int(), cachedTokens: z.int() })
  .meta({ id: 'AskUsage' });
export type AskUsage = z.infer<typeof AskUsage>;

export const AskAnswer = z
  .object({
    id: z.uuid(),
    answer: z.string().meta({ description: 'Plain text: show it as such.' }),
    grounded: z.boolean().meta({
      description: 'False: nothing supports an answer. Then there is no citation, and it says so.',
    }),
    citations: z.array(Citation),
    model: z.string(),
    usage: AskUsage,
    cached: z.boolean().meta({
      description: 'The same question was answered before, from the same documents.',
    }),
  })
  .meta({ id: 'AskAnswer' });
export type AskAnswer = z.infer<typeof AskAnswer>;

export const AskSource = z.object({
  number: z.int(),
  documentId: z.uuid(),
  chunkId: z.string(),
  title: z.string(),
  headingPath: z.array(z.string()),
  charStart: z.int(),
  charEnd: z.int(),
});
export type AskSource = z.infer<typeof AskSource>;

/** What POST /ask sends as server-sent events, by name and in this order; `delta` and `citation` take turns. */
export const askEvents = {
  run: z.object({ id: z.uuid(), model: z.string() }),
  /** None when a stored answer is given again. */
  sources: z.object({ sources: z.array(AskSource) }),
  delta: z.object({ text: z.string() }),
  citation: Citation,
  usage: AskUsage,
  done: z.object({ id: z.uuid(), grounded: z.boolean(), cached: z.boolean() }),
  /** In place of `done`. */
  error: ProblemDocument,
} as const;

export type AskEventName = keyof typeof askEvents;
export type AskEvent = {
  [Name in AskEventName]: { readonly name: Name; readonly data: z.infer<(typeof askEvents)[Name]> };
}[AskEventName];
