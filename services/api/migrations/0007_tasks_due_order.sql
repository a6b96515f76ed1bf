-- migrate: no-transaction
-- The order by due date as CASE instead of COALESCE. Under row-level security only what the planner knows to be leakproof
-- may bound an index scan, and it does not know COALESCE (seen with Postgres 15): each page read all pages before it.
create index concurrently if not exists tasks_due_order_idx
  on app.tasks (workspace_id, (case when due_at is null then 'infinity'::timestamptz else due_at end), id);
