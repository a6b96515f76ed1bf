import { withClient } from './postgres-admin.js';
import type { TestDatabase } from './database.js';

/** Every table with a workspace that row-level security does not fully guard, with what is missing. */
export async function rowSecurityFaults(database: TestDatabase): Promise<string[]> {
  const rows = await ask<{ table: string; faults: string[] }>(
    database,
    `select format('%I.%I', n.nspname, c.relname) as "table",
            array_remove(array[
              case when not c.relrowsecurity then 'row-level security is not enabled' end,
              case when not c.relforcerowsecurity then 'row-level security is not forced' end,
              case when not exists (select from pg_policy p where p.polrelid = c.oid)
                   then 'no policy' end,
              case when exists (select from pg_policy p
                                where p.polrelid = c.oid and p.polcmd in ('*', 'a', 'w')
                                  and p.polwithcheck is null)
                   then 'a policy has no WITH CHECK' end
            ], null) as faults
     from pg_class c
     join pg_namespace n on n.oid = c.relnamespace
     join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
     where c.relkind in ('r', 'p')
       and n.nspname not in ('pg_catalog', 'information_schema')
     order by 1`,
  );
  return rows.flatMap(({ table, faults }) => faults.map((fault) => `${table}: ${fault}`));
}

/** Everything a service's role has or may do that a service must not. */
export async function serviceRoleFaults(
  database: TestDatabase,
  service: 'auth' | 'api' | 'worker',
): Promise<string[]> {
  const rows = await ask<{ fault: string }>(
    database,
    `with role as (select * from pg_roles where rolname = $1),
     schemas as (
       select oid, nspname from pg_namespace
       where nspname !~ '^pg_' and nspname <> 'information_schema'
     )
     select 'does not exist' as fault where not exists (select from role)
     union all
     select 'is a superuser' from role where rolsuper
     union all
     select 'bypasses row-level security' from role where rolbypassrls
     union all
     select 'inherits' from role where rolinherit
     union all
     select 'may create roles' from role where rolcreaterole
     union all
     select 'may create databases' from role where rolcreatedb
     union all
     select 'may replicate' from role where rolreplication
     union all
     select 'is a member of ' || m.roleid::regrole
     from role join pg_auth_members m on m.member = role.oid
     union all
     select 'owns ' || pg_describe_object(d.classid, d.objid, d.objsubid)
     from role
     join pg_shdepend d on d.refclassid = 'pg_authid'::regclass
       and d.refobjid = role.oid and d.deptype = 'o'
     where d.dbid in (0, (select oid from pg_database where datname = current_database()))
     union all
     select 'may create in the database' from role
     where has_database_privilege(role.oid, current_database(), 'create')
     union all
     select 'may make temporary tables' from role
     where has_database_privilege(role.oid, current_database(), 'temporary')
     union all
     select 'may create in schema ' || nspname from role, schemas
     where has_schema_privilege(role.oid, schemas.oid, 'create')
     union all
     select format('may %s %I.%I', privilege, schemas.nspname, c.relname)
     from role, schemas
     join pg_class c on c.relnamespace = schemas.oid and c.relkind in ('r', 'p', 'v', 'm'),
     unnest(array['truncate', 'references', 'trigger']) as privilege
     where has_table_privilege(role.oid, c.oid, privilege)
     order by 1`,
    [`capstone_${service}`],
  );
  return rows.map(({ fault }) => fault);
}

function ask<Row extends object>(database: TestDatabase, text: string, values: unknown[] = []) {
  return withClient(database.urlFor('admin'), database.caFile, async (client) => {
    const { rows } = await client.query<Row>(text, values);
    return rows;
  });
}
