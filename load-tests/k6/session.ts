import http from 'k6/http';
import { job } from './job.ts';

/**
 * An access token lives 5 minutes and virtual users share no memory, so none of them can refresh for the others. The
 * runner refreshes; each virtual user asks it for the current tokens about once a minute.
 */
const maxAgeMs = 60_000;

interface Session {
  readonly token: string;
  readonly workspace: number;
}

let sessions: readonly Session[] = [];
let staleAtMs = 0;

/** Any one of the sessions, each as likely as the others. */
export function anySession(): Session {
  if (Date.now() >= staleAtMs) {
    sessions = fetchSessions();
    // Not all at the same moment.
    staleAtMs = Date.now() + maxAgeMs * (0.5 + Math.random() / 2);
  }
  return sessions[Math.floor(Math.random() * sessions.length)]!;
}

function fetchSessions(): Session[] {
  const { status, body } = http.get(job.tokensUrl, {
    responseType: 'text',
    timeout: '5s',
    tags: { name: 'tokens' },
  });
  if (status !== 200) throw new Error(`the runner answered ${status} instead of tokens`);
  return JSON.parse(body) as Session[];
}
