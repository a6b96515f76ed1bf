-- Tasks: the plain CRUD slice, and the pattern for every table with a workspace. New tables only: locks nothing that exists.

create table app.tasks (
  workspace_id uuid not null,
  id uuid not null,
  title text not null,
  description text not null,
  status text not null,
  priority text not null,
  priority_rank smallint not null generated always as (
    case priority when 'low' then 1 when 'normal' then 2 when 'high' then 3 when 'urgent' then 4 end
  ) stored,
  labels text[] not null,
  assignee_id uuid,
  due_at timestamptz(3),
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  created_by uuid not null,
  constraint tasks_pkey primary key (workspace_id, id),
  constraint tasks_title_check check (char_length(title) between 1 and 200),
  constraint tasks_description_check check (char_length(description) <= 10000),
  constraint tasks_status_check check (status in ('todo', 'doing', 'done')),
  constraint tasks_priority_check check (priority in ('low', 'normal', 'high', 'urgent')),
  constraint tasks_labels_check check (cardinality(labels) <= 20),
  constraint tasks_version_check check (version > 0)
);

comment on column app.tasks.priority_rank is 'The order of the priorities as a number, so that a list can be sorted and paged by it.';
comment on column app.tasks.labels is 'What a task shows. app.task_labels holds the same facts the other way round, to find tasks by label.';
comment on column app.tasks.assignee_id is 'A user of auth. Not a foreign key: users live in another database.';
comment on column app.tasks.version is 'Grows by one with each change. The ETag is made of id and version.';
comment on column app.tasks.created_at is 'Milliseconds, as the API shows it: a page continues behind what the client has seen, so both must be equal.';

-- One index for each order of GET /tasks, read forwards and backwards. The id breaks ties, so a page has one place to go on.
create index tasks_created_at_idx on app.tasks (workspace_id, created_at, id);
create index tasks_priority_idx on app.tasks (workspace_id, priority_rank, id);
-- A task without a due date sorts behind every date.
create index tasks_due_at_idx on app.tasks (workspace_id, coalesce(due_at, 'infinity'::timestamptz), id);

alter table app.tasks enable row level security;
alter table app.tasks force row level security;

create policy tenant on app.tasks
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

grant select, insert, update, delete on app.tasks to capstone_api;


-- A GIN index on tasks.labels would never be used: the array operators are not leakproof, so under row-level security the
-- planner may not run them before the policy. Equality of text and uuid is leakproof, hence a plain table and its B-tree.
create table app.task_labels (
  workspace_id uuid not null,
  label text not null,
  task_id uuid not null,
  constraint task_labels_pkey primary key (workspace_id, label, task_id),
  constraint task_labels_label_check check (char_length(label) between 1 and 50),
  constraint task_labels_task_fkey foreign key (workspace_id, task_id)
    references app.tasks (workspace_id, id) on delete cascade
);

create index task_labels_task_idx on app.task_labels (workspace_id, task_id);

alter table app.task_labels enable row level security;
alter table app.task_labels force row level security;

create policy tenant on app.task_labels
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

grant select, insert, delete on app.task_labels to capstone_api;
