-- migrate: no-transaction
-- Replaced by tasks_due_order_idx. The release before this one still sorts by it: beside this one, its lists by due date
-- read all tasks of a workspace, and answer the same.
drop index concurrently if exists app.tasks_due_at_idx;
