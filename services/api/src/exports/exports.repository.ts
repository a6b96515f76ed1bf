import type { Export } from '@capstone/contracts/exports';
import type { Queryable, Transaction } from '@capstone/platform/database';

const columns = `
  e.id, e.status, e.lines, e.bytes, e.requested_by as "requestedBy",
  app.rfc3339(e.created_at) as "createdAt", app.rfc3339(e.finished_at) as "finishedAt",
  app.rfc3339(e.expires_at) as "expiresAt"`;

/** The first part is written with it, under the run that is the export itself. */
export async function insertExport(
  tx: Transaction,
  workspaceId: string,
  { id, requestedBy, head }: { id: string; requestedBy: string; head: string },
): Promise<Export> {
  const [inserted] = await tx.query<Export>(
    'exports.insert',
    `with e as (
       insert into app.exports (workspace_id, id, requested_by, run)
       values ($1, $2, $3, $2)
       returning *
     )
     select ${columns} from e`,
    [workspaceId, id, requestedBy],
  );
  await tx.query(
    'exports.insert_head',
    `insert into app.export_parts (workspace_id, export_id, run, ordinal, content)
     values ($1, $2, $2, 0, $3)`,
    [workspaceId, id, head],
  );
  return inserted!;
}

export async function findExport(
  db: Queryable,
  workspaceId: string,
  id: string,
): Promise<Export | undefined> {
  const [found] = await db.query<Export>(
    'exports.find',
    `select ${columns}
     from app.exports e
     where e.workspace_id = $1 and e.id = $2 and e.expires_at > now()`,
    [workspaceId, id],
  );
  return found;
}

/** The part behind `after`: first the head, then those of the run that finished it. Undefined at the end. */
export async function findPart(
  db: Queryable,
  workspaceId: string,
  id: string,
  after: number,
): Promise<{ ordinal: number; content: string } | undefined> {
  const [part] = await db.query<{ ordinal: number; content: string }>(
    'exports.find_part',
    `select p.ordinal, p.content
     from app.export_parts p
     join app.exports e on e.workspace_id = p.workspace_id and e.id = p.export_id
     where p.workspace_id = $1 and p.export_id = $2 and p.run in (e.id, e.run) and p.ordinal > $3
     order by p.ordinal
     limit 1`,
    [workspaceId, id, after],
  );
  return part;
}
