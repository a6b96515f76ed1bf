import type { RecentSpan } from '@capstone/platform/recent-spans';

/** A trace as text: each span under its parent, when it began, how long it took, what it was. */
export function traceTree(spans: readonly RecentSpan[]): string {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const inOrder = spans.toSorted((a, b) => a.startMs - b.startMs);
  const roots = inOrder.filter(({ parentSpanId }) => !parentSpanId || !known.has(parentSpanId));
  const startMs = inOrder[0]?.startMs ?? 0;

  const lines = (span: RecentSpan, depth: number): string[] => [
    line(span, depth, startMs),
    ...inOrder
      .filter(({ parentSpanId }) => parentSpanId === span.spanId)
      .flatMap((child) => lines(child, depth + 1)),
  ];
  return roots.flatMap((root) => lines(root, 0)).join('\n');
}

function line(span: RecentSpan, depth: number, startMs: number): string {
  const at = `${(span.startMs - startMs).toFixed(1)} ms`.padStart(12);
  const took = `${span.durationMs.toFixed(1)} ms`.padStart(11);
  const errorType = span.attributes['error.type'];
  const fault = span.failed ? `  FAILED ${typeof errorType === 'string' ? errorType : ''}` : '';
  return `${at} ${took}  ${span.service.padEnd(7)} ${'  '.repeat(depth)}${span.name}${fault}`;
}
