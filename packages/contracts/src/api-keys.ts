import { z } from 'zod';
import { pageOf, pageQuery } from './paging.js';
import { ApiKeyScope } from './permissions.js';
import { text } from './text.js';

export const CreateApiKey = z
  .strictObject({
    name: text().trim().min(1).max(100),
    scopes: z
      .array(ApiKeyScope)
      .min(1)
      .transform((scopes) => [...new Set(scopes)].toSorted())
      .meta({ description: 'No more than the role of the caller has.' }),
    expiresInDays: z.int().min(1).max(365).default(90),
  })
  .meta({ id: 'CreateApiKey' });
export type CreateApiKey = z.infer<typeof CreateApiKey>;

export const ApiKey = z
  .object({
    id: z.uuid(),
    name: z.string(),
    prefix: z.string().meta({ description: 'How the key begins, to recognise it.' }),
    scopes: z.array(ApiKeyScope),
    createdBy: z.uuid(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().nullable().meta({ description: 'To within a minute or two.' }),
  })
  .meta({ id: 'ApiKey' });
export type ApiKey = z.infer<typeof ApiKey>;

export const CreatedApiKey = ApiKey.extend({
  key: z.string().meta({ description: 'Shown this once and never again.' }),
}).meta({ id: 'CreatedApiKey' });
export type CreatedApiKey = z.infer<typeof CreatedApiKey>;

export const ListApiKeys = z.strictObject(pageQuery);
export type ListApiKeys = z.infer<typeof ListApiKeys>;

export const ApiKeyPage = pageOf(ApiKey).meta({ id: 'ApiKeyPage' });
export type ApiKeyPage = z.infer<typeof ApiKeyPage>;
