-- The statistics of a workspace go with it. A grant only: locks nothing, and the release before runs beside it.

grant delete on search.workspace_stats to capstone_worker;
