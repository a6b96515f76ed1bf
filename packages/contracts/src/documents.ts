import { z } from 'zod';
import { pageOf, pageQuery } from './paging.js';
import { text } from './text.js';

export const DocumentStatus = z.enum([
  'received',
  'extracting',
  'chunking',
  'embedding',
  'ready',
  'failed',
  'cancelled',
]);
export type DocumentStatus = z.infer<typeof DocumentStatus>;

export const TextContentType = z.enum(['text/markdown', 'text/plain', 'text/html']);
export type TextContentType = z.infer<typeof TextContentType>;

const metadataKey = z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/);
const metadataValue = z.union([text().max(500), z.number(), z.boolean()]);

/** Flat and small, so that search can filter on every entry. */
export const DocumentMetadata = z
  .record(metadataKey, metadataValue)
  .refine((entries) => Object.keys(entries).length <= 32, 'at most 32 entries')
  .meta({ id: 'DocumentMetadata' });
export type DocumentMetadata = z.infer<typeof DocumentMetadata>;

const title = text().trim().min(1).max(300);
const sourceKey = text().trim().min(1).max(300);

/** 5 MB of text in a JSON body; larger files go as multipart. */
export const maxInlineContentCharacters = 5_000_000;

export const CreateDocument = z
  .strictObject({
    title,
    content: text().min(1).max(maxInlineContentCharacters),
    contentType: TextContentType,
    sourceKey: sourceKey.optional(),
    metadata: DocumentMetadata.default({}),
  })
  .meta({ id: 'CreateDocument' });
export type CreateDocument = z.infer<typeof CreateDocument>;

/** The text fields that may come beside the one `file` of a multipart upload. `metadata` is JSON there. */
export const UploadFields = z.strictObject({
  title: title.optional(),
  sourceKey: sourceKey.optional(),
  metadata: DocumentMetadata.default({}),
});
export type UploadFields = z.infer<typeof UploadFields>;

export const ReplaceDocument = z
  .strictObject({
    content: text().min(1).max(maxInlineContentCharacters),
    contentType: TextContentType,
    title: title.optional(),
    metadata: DocumentMetadata.optional(),
  })
  .meta({ id: 'ReplaceDocument' });
export type ReplaceDocument = z.infer<typeof ReplaceDocument>;

/** The same for a new version of a document. */
export const ReplaceFields = z.strictObject({
  title: title.optional(),
  metadata: DocumentMetadata.optional(),
});
export type ReplaceFields = z.infer<typeof ReplaceFields>;

/** RFC 7396, for `metadata` too: an entry that is named is set, null removes it, the rest stays. */
export const PatchDocument = z
  .strictObject({
    title: title.optional(),
    metadata: z.record(metadataKey, metadataValue.nullable()).optional(),
  })
  .meta({ id: 'PatchDocument' });
export type PatchDocument = z.infer<typeof PatchDocument>;

export const Document = z
  .object({
    id: z.uuid(),
    title: z.string(),
    sourceKey: z.string().nullable(),
    contentType: z.string(),
    bytes: z.int(),
    status: DocumentStatus,
    version: z
      .int()
      .meta({ description: 'The newest version; search serves the newest one that is ready.' }),
    counts: z.object({ characters: z.int(), chunks: z.int(), embedded: z.int() }),
    error: z.object({ code: z.string(), detail: z.string() }).nullable(),
    metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Document' });
export type Document = z.infer<typeof Document>;

export const ListDocuments = z.strictObject({
  ...pageQuery,
  status: DocumentStatus.optional(),
  sourceKey: sourceKey.optional(),
  q: text().trim().min(1).max(200).optional().meta({ description: 'Part of the title.' }),
});
export type ListDocuments = z.infer<typeof ListDocuments>;

export const DocumentPage = pageOf(Document).meta({ id: 'DocumentPage' });
export type DocumentPage = z.infer<typeof DocumentPage>;

export const DocumentContent = z
  .object({ documentId: z.uuid(), version: z.int(), characters: z.int(), text: z.string() })
  .meta({ id: 'DocumentContent' });
export type DocumentContent = z.infer<typeof DocumentContent>;
