import type { RevocationKind } from '@capstone/contracts/revocations';
import type { Queryable, Transaction } from '@capstone/platform/database';

export interface Revocation {
  readonly kind: RevocationKind;
  readonly id: string;
  readonly revokedAtMs: number;
  /** Of `roles` alone. */
  readonly epoch: number | null;
}

const columns = `kind, id, epoch,
       floor(extract(epoch from revoked_at) * 1000)::bigint as "revokedAtMs"`;

export async function insertRevocation(
  tx: Transaction,
  kind: RevocationKind,
  id: string,
): Promise<void> {
  await tx.query(
    'insert_revocation',
    `insert into auth.revocations (kind, id)
     values ($1, $2)
     on conflict (kind, id) do nothing`,
    [kind, id],
  );
}

/** The same membership may change again and again: the newest epoch stands, and is told anew. */
export async function upsertRolesRevocation(
  tx: Transaction,
  id: string,
  epoch: number,
): Promise<void> {
  await tx.query(
    'upsert_roles_revocation',
    `insert into auth.revocations (kind, id, epoch)
     values ('roles', $1, $2)
     on conflict (kind, id) do update
        set epoch = greatest(revocations.epoch, excluded.epoch), revoked_at = now(), published_at = null`,
    [id, epoch],
  );
}

export async function listRevocations(db: Queryable, windowSeconds: number): Promise<Revocation[]> {
  return db.query<Revocation>(
    'list_revocations',
    `select ${columns}
       from auth.revocations
      where revoked_at > now() - make_interval(secs => $1)
      order by revoked_at, kind, id`,
    [windowSeconds],
  );
}

export async function listUnpublishedRevocations(
  db: Queryable,
  limit: number,
): Promise<Revocation[]> {
  return db.query<Revocation>(
    'list_unpublished_revocations',
    `select ${columns}
       from auth.revocations
      where published_at is null
      order by revoked_at, kind, id
      limit $1`,
    [limit],
  );
}

export async function markRevocationsPublished(
  db: Queryable,
  revocations: readonly Revocation[],
): Promise<void> {
  await db.query(
    'mark_revocations_published',
    `update auth.revocations
        set published_at = now()
       from unnest($1::text[], $2::text[], $3::bigint[]) as published (kind, id, epoch)
      where revocations.kind = published.kind
        and revocations.id = published.id
        -- A later epoch came in between: it is still to be told.
        and revocations.epoch is not distinct from published.epoch`,
    [
      revocations.map((each) => each.kind),
      revocations.map((each) => each.id),
      revocations.map((each) => each.epoch),
    ],
  );
}

/** What no token can meet any more. Unpublished rows stay, however old: something is wrong, and they are the evidence. */
export async function deleteOldRevocations(db: Queryable, windowSeconds: number): Promise<void> {
  await db.query(
    'delete_old_revocations',
    `delete from auth.revocations
      where revoked_at < now() - make_interval(secs => $1)
        and published_at is not null`,
    [windowSeconds],
  );
}
