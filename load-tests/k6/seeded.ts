import { SharedArray } from 'k6/data';
import type { Slice } from '../src/plan.ts';
import { job } from './job.ts';

const taskIds = idsOf('tasks', job.taskIdsFile);
const documentIds = idsOf('documents', job.documentIdsFile);

/** Some task of the workspace, new ones oftener: the newest tenth gets a third of the reads. */
export function anyTaskId(workspace: number): string {
  return pick(taskIds, job.workspaces[workspace]!.tasks, 1 - Math.random() ** 2);
}

export function anyDocumentId(workspace: number): string {
  return pick(documentIds, job.workspaces[workspace]!.documents, Math.random());
}

function pick(ids: readonly string[], { first, count }: Slice, at: number): string {
  return ids[first + Math.min(count - 1, Math.floor(count * at))]!;
}

/** One copy for all virtual users. */
function idsOf(name: string, file: string): readonly string[] {
  return new SharedArray(name, () =>
    open(file)
      .split('\n')
      .filter((id) => id !== ''),
  );
}
