import type { Queryable, Transaction } from '@capstone/platform/database';

export interface ExportKey {
  readonly workspaceId: string;
  readonly exportId: string;
}

/** One line of the export, and the id by which the next page begins. */
export interface ExportLine {
  readonly id: string;
  readonly line: string;
}

/** False when there is nothing to do: it is unknown, or done. */
export async function claimExport(tx: Transaction, key: ExportKey, run: string): Promise<boolean> {
  const claimed = await tx.query(
    'workspace_export.claim',
    `update app.exports
     set status = 'running', run = $3
     where workspace_id = $1 and id = $2 and status in ('queued', 'running')
     returning id`,
    [key.workspaceId, key.exportId, run],
  );
  return claimed.length === 1;
}

export async function listTaskLines(
  db: Queryable,
  workspaceId: string,
  { after, limit }: { after: string; limit: number },
): Promise<ExportLine[]> {
  return db.query<ExportLine>(
    'workspace_export.list_tasks',
    `select t.id, json_build_object('type', 'task', 'data', json_build_object(
        'id', t.id, 'title', t.title, 'description', t.description, 'status', t.status,
        'priority', t.priority, 'labels', t.labels, 'assigneeId', t.assignee_id,
        'dueAt', app.rfc3339(t.due_at), 'version', t.version, 'createdAt', app.rfc3339(t.created_at),
        'updatedAt', app.rfc3339(t.updated_at), 'createdBy', t.created_by))::text as line
     from app.tasks t
     where t.workspace_id = $1 and t.id > $2
     order by t.id
     limit $3`,
    [workspaceId, after, limit],
  );
}

/** With the canonical text of the version that search serves, if there is one yet. */
export async function listDocumentLines(
  db: Queryable,
  workspaceId: string,
  { after, limit }: { after: string; limit: number },
): Promise<ExportLine[]> {
  return db.query<ExportLine>(
    'workspace_export.list_documents',
    `select d.id, json_build_object('type', 'document', 'data', json_build_object(
        'id', d.id, 'title', d.title, 'sourceKey', d.source_key, 'metadata', d.metadata,
        'version', d.current_version, 'content', x.content, 'createdBy', d.created_by,
        'createdAt', app.rfc3339(d.created_at), 'updatedAt', app.rfc3339(d.updated_at)))::text as line
     from app.documents d
     left join app.document_texts x
       on x.workspace_id = d.workspace_id and x.document_id = d.id and x.version = d.current_version
     where d.workspace_id = $1 and d.id > $2 and d.deleted_at is null
     order by d.id
     limit $3`,
    [workspaceId, after, limit],
  );
}

export async function insertPart(
  tx: Transaction,
  key: ExportKey,
  part: { run: string; ordinal: number; content: string },
): Promise<void> {
  await tx.query(
    'workspace_export.insert_part',
    `insert into app.export_parts (workspace_id, export_id, run, ordinal, content)
     values ($1, $2, $3, $4, $5)`,
    [key.workspaceId, key.exportId, part.run, part.ordinal, part.content],
  );
}

/** Only by the run that claimed it last. */
export async function finishExport(
  tx: Transaction,
  key: ExportKey,
  { run, status }: { run: string; status: 'ready' | 'failed' },
): Promise<boolean> {
  const finished = await tx.query(
    'workspace_export.finish',
    `update app.exports e
     set status = $4, finished_at = now(), lines = parts.lines, bytes = parts.bytes
     from (
       select coalesce(sum(octet_length(content)), 0)::bigint as bytes,
              coalesce(sum(length(content) - length(replace(content, E'\\n', ''))), 0)::int as lines
       from app.export_parts
       where workspace_id = $1 and export_id = $2 and run in ($2, $3)
     ) parts
     where e.workspace_id = $1 and e.id = $2 and e.run = $3 and e.status = 'running'
     returning e.id`,
    [key.workspaceId, key.exportId, run, status],
  );
  return finished.length === 1;
}
