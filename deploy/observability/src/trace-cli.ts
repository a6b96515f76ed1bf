import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { OperatorError } from '@capstone/local/operator-error';
import { runCommand } from '@capstone/local/run-command';
import { stackPorts } from '@capstone/local/stack-ports';
import type { RecentSpan, RecentTrace } from '@capstone/platform/recent-spans';
import { traceTree } from './trace-tree.js';

const usage = `Shows a trace of the local stack, from the memory of its services.

  pnpm trace          the traces seen last
  pnpm trace <id>     one of them, as a tree: the id is the traceId of a problem document or a log line`;

await runCommand(async (args) => {
  const { values, positionals } = parseArgs({
    args,
    options: { help: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const [id] = positionals;
  if (values.help) console.log(usage);
  else console.log(id === undefined ? await recentTraces() : await oneTrace(id));
});

async function recentTraces(): Promise<string> {
  const answers = await ask<{ traces: RecentTrace[] }>('/traces');
  // Each service knows its part: the first to see the trace has the name that says what it was.
  const byId = Map.groupBy(
    answers.flatMap(({ traces }) => traces),
    ({ traceId }) => traceId,
  );
  const newest = [...byId.values()]
    .map((parts) => ({
      ...parts.reduce((a, b) => (b.startMs < a.startMs ? b : a)),
      spans: parts.reduce((sum, { spans }) => sum + spans, 0),
      failed: parts.some(({ failed }) => failed),
    }))
    .toSorted((a, b) => b.startMs - a.startMs)
    .slice(0, 30);
  if (newest.length === 0) return 'No trace yet: send a request first.';
  return newest
    .map(({ traceId, startMs, durationMs, spans, name, failed }) =>
      [
        traceId,
        new Date(startMs).toISOString().slice(11, 23),
        `${durationMs.toFixed(1)} ms`.padStart(11),
        `${spans} spans`.padStart(9),
        ` ${name}${failed ? '  FAILED' : ''}`,
      ].join(' '),
    )
    .join('\n');
}

async function oneTrace(id: string): Promise<string> {
  const answers = await ask<{ spans: RecentSpan[] }>(`/traces?id=${encodeURIComponent(id)}`);
  const spans = answers.flatMap((answer) => answer.spans);
  if (spans.length > 0) return traceTree(spans);
  throw new OperatorError(
    `No service remembers the trace ${id}: it was not sampled, or others have pushed it out.`,
  );
}

async function ask<Answer>(path: string): Promise<Answer[]> {
  const { admin } = stackPorts(portOffset());
  const answers = await Promise.allSettled(
    Object.values(admin).map(async (port) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
      return (await response.json()) as Answer;
    }),
  );
  const found = answers.filter((answer) => answer.status === 'fulfilled');
  if (found.length > 0) return found.map(({ value }) => value);
  throw new OperatorError(
    'No service shows its traces on its admin port: start the stack with npm start.',
  );
}

/** `npm start` writes down where it listens. */
function portOffset(): number {
  try {
    const { http } = JSON.parse(readFileSync('.capstone/running.json', 'utf8')) as { http: number };
    return http - stackPorts(0).http;
  } catch {
    return 0;
  }
}
