import type { Transaction } from '@capstone/platform/database';
import type { DocumentKey } from './index-keys.js';

export type Attribute = readonly [key: string, value: string | number | boolean];

export async function insertAttributes(
  tx: Transaction,
  key: DocumentKey,
  attributes: readonly Attribute[],
): Promise<void> {
  if (attributes.length === 0) return;
  await tx.query(
    'search_insert_attributes',
    `insert into search.document_attributes (workspace_id, document_id, key, text_value, number_value, boolean_value)
     select $1, $2, a.key, a.text_value, a.number_value, a.boolean_value
     from unnest($3::text[], $4::text[], $5::double precision[], $6::boolean[])
       as a(key, text_value, number_value, boolean_value)`,
    [key.workspaceId, key.documentId, ...attributeColumns(attributes)],
  );
}

/** Returns how many there were. */
export async function deleteAttributes(tx: Transaction, key: DocumentKey): Promise<number> {
  const deleted = await tx.query(
    'search_delete_attributes',
    `delete from search.document_attributes where workspace_id = $1 and document_id = $2 returning key`,
    [key.workspaceId, key.documentId],
  );
  return deleted.length;
}

/** Parallel arrays of keys, texts, numbers and booleans for `unnest`: each value in the column of its type. */
export function attributeColumns(attributes: readonly Attribute[]) {
  return [
    attributes.map(([key]) => key),
    attributes.map(([, value]) => (typeof value === 'string' ? value : null)),
    attributes.map(([, value]) => (typeof value === 'number' ? value : null)),
    attributes.map(([, value]) => (typeof value === 'boolean' ? value : null)),
  ] as const;
}
