import type { WorkspaceDetails } from '@capstone/contracts/generated/capstone/auth/v1/workspaces_service';
import type { Workspace } from '@capstone/contracts/workspaces';

export function toWorkspaceMessage({ deletionDueAt, ...workspace }: Workspace): WorkspaceDetails {
  return { ...workspace, deletionDueAt: deletionDueAt ?? undefined };
}
