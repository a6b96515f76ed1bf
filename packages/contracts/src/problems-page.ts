import { problems, type ProblemSpec } from './problems.js';

/** docs/problems.md, made of the catalogue. */
export function problemsPage(): string {
  const rows = Object.entries<ProblemSpec>(problems).map(
    ([code, { status, grpc, title, retryable }]) => [
      `\`${code}\``,
      String(status),
      grpc,
      retryable ? 'yes' : 'no',
      title,
    ],
  );
  return `# Problems

Every error of the public API is an \`application/problem+json\` document (RFC 9457): \`type\` is
\`urn:capstone:problem:<code>\`, and \`code\` says the same without the prefix. Compare the code, never the texts. 422 lists
each fault with an RFC 6901 pointer in \`errors\`; 429 and 503 say in \`Retry-After\` when to come again. Between services the
same code travels in gRPC's trailing metadata.

Retry: the same request may succeed later without being changed.

This page is generated from the catalogue (\`packages/contracts/src/problems.ts\`) by
\`pnpm --filter @capstone/contracts run problems-page\`.

${table(['code', 'status', 'gRPC', 'retry', 'title'], rows)}
`;
}

/** Padded as the formatter pads it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]) {
  const widths = head.map((name, at) =>
    Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[], filler = ' ') =>
    `| ${widths.map((width, at) => (cells[at] ?? '').padEnd(width, filler)).join(' | ')} |`;
  return [line(head), line([], '-'), ...rows.map((row) => line(row))].join('\n');
}
