import { job } from './job.ts';
import { call } from './request.ts';

/** A login, and a logout so that no session is left behind. The rate counts logins. */
export function logIn(): void {
  const account = job.accounts[Math.floor(Math.random() * job.accounts.length)]!;
  const answer = call({
    method: 'POST',
    path: '/auth/login',
    route: 'POST /auth/login',
    expected: [200],
    body: account,
    keepBody: true,
  });
  if (answer.status !== 200) return;
  const { accessToken: token } = JSON.parse(answer.body as string) as { accessToken: string };
  call({
    method: 'POST',
    path: '/auth/logout',
    route: 'POST /auth/logout',
    expected: [204],
    token,
  });
}
