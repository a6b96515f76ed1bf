import type { DemoUser } from './seed.js';
import type { StackPorts } from './stack-ports.js';

/** What a person sees when everything runs: where to look, who to be, what to try. */
export function welcome(o: {
  ports: StackPorts;
  demo: DemoUser;
  logs: string;
  ready: string;
}): string {
  const origin = `http://localhost:${o.ports.http}`;
  const { auth, api, worker } = o.ports.admin;
  const json = `-H 'content-type: application/json'`;
  const credentials = JSON.stringify(o.demo);
  return `
capstone is ready (${o.ready})

  API        ${origin}/api/v1
  Reader     ${origin}/docs
  Health     http://localhost:${api}/readyz, auth ${auth}, worker ${worker}; /metrics beside it
  Demo user  ${o.demo.email}, password ${o.demo.password}
  Logs       ${o.logs}

Try, in another terminal:

  TOKEN=$(curl -s ${origin}/api/v1/auth/login ${json} -d '${credentials}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')

  curl -s ${origin}/api/v1/tasks -H "authorization: Bearer $TOKEN"

  curl -s ${origin}/api/v1/search ${json} -H "authorization: Bearer $TOKEN" -d '{"query":"restart the worker"}'

  curl -s ${origin}/api/v1/ask ${json} -H "authorization: Bearer $TOKEN" -d '{"question":"What happens when the worker is killed?"}'

Ctrl-C stops everything.`;
}
