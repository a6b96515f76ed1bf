import exec from 'k6/execution';
import { markdown } from '../src/prose.ts';
import { job } from './job.ts';
import { call } from './request.ts';
import { anySession } from './session.ts';

/** A small document of one chunk. The title names the run, by which the runner finds it again. */
export function uploadOnce(): void {
  const title = `${job.runId} ${exec.scenario.iterationInTest}`;
  const body = { title, content: markdown(Math.random, title, 1), contentType: 'text/markdown' };
  const { token } = anySession();
  call({
    method: 'POST',
    path: '/documents',
    route: 'POST /documents',
    expected: [202],
    token,
    body,
  });
}
