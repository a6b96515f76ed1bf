import type { Transaction } from '@capstone/platform/database';
import type { DocumentKey } from './index-keys.js';

export type Attribute = readonly [key: string, value: string | number | boolean];

/** Nobody waits for it: its failure is the transaction's. */
export function sendAttributes(
  tx: Transaction,
  key: DocumentKey,
  attributes: readonly Attribute[],
): void {
  tx.send(...deletion(key));
  if (attributes.length === 0) return;
  tx.send(
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
  return (await tx.query(...deletion(key))).length;
}

function deletion({ workspaceId, documentId }: DocumentKey) {
  return [
    'search_delete_attributes',
    `delete from search.document_attributes where workspace_id = $1 and document_id = $2 returning key`,
    [workspaceId, documentId],
  ] as const;
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
