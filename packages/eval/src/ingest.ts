import { setTimeout as delay } from 'node:timers/promises';
import type { Document, DocumentPage } from '@capstone/contracts/documents';
import type { ApiClient } from './api-client.js';
import type { DataSet } from './data-set.js';

const uploadsAtOnce = 8;
const pollMs = 250;
const unfinished = ['received', 'extracting', 'chunking', 'embedding'];

export interface Ingested {
  /** The collection's id of a document, by the system's. */
  readonly ids: ReadonlyMap<string, string>;
  /** From the first upload until the last document was searchable. */
  readonly seconds: number;
}

/** Uploads the collection and waits until all of it is searchable. Throws when a document failed. */
export async function ingest(client: ApiClient, { documents }: DataSet): Promise<Ingested> {
  const startedAt = performance.now();
  const ids = new Map<string, string>();
  const waiting = documents.values();
  const upload = async () => {
    for (const { _id, title, text } of waiting) {
      const { id } = await client.request<Document>('POST', '/documents', {
        title: title.trim().slice(0, 300) || _id,
        content: text.trim() === '' ? title : text,
        contentType: 'text/plain',
        sourceKey: _id,
      });
      ids.set(id, _id);
    }
  };
  await Promise.all(Array.from({ length: uploadsAtOnce }, upload));
  for (const status of unfinished) {
    while (await hasAny(client, status)) await delay(pollMs);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  if (await hasAny(client, 'failed')) throw new Error('A document of the collection failed.');
  return { ids, seconds };
}

async function hasAny(client: ApiClient, status: string): Promise<boolean> {
  const page = await client.request<DocumentPage>('GET', `/documents?status=${status}&limit=1`);
  return page.items.length > 0;
}
