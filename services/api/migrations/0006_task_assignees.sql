-- migrate: no-transaction
-- The tasks of one person, in the default order of GET /tasks: a few among many, which no other index finds. Concurrently:
-- nothing waits for it.
create index concurrently if not exists tasks_assignee_idx on app.tasks (workspace_id, assignee_id, created_at, id)
  where assignee_id is not null;
