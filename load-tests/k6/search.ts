import { searchText } from '../src/prose.ts';
import { call } from './request.ts';
import { anySession } from './session.ts';

const modes = ['hybrid', 'keyword', 'vector'];
let turn = 0;

/** The three modes in equal parts. */
export function searchOnce(): void {
  const mode = modes[turn++ % modes.length]!;
  const body = { query: searchText(Math.random), mode, limit: 10 };
  const { token } = anySession();
  call({
    method: 'POST',
    path: '/search',
    route: `POST /search (${mode})`,
    expected: [200],
    token,
    body,
  });
}
