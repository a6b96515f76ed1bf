import { SpanKind } from '@opentelemetry/api';
import { dbDuration, stopwatch } from './metrics.js';
import { withSpan } from './tracing.js';

/** Anything that runs a statement. `name` is its prepared-statement name and metric label: one name, one text. */
export interface Queryable {
  query<Row>(name: string, text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** Times a statement under its name, waiting for a connection included, and makes it a span where there is a trace. */
export async function timed<T>(name: string, run: () => Promise<T>): Promise<T> {
  const seconds = stopwatch();
  try {
    const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': name };
    return await withSpan(name, attributes, run, SpanKind.CLIENT);
  } finally {
    dbDuration.observe({ statement: name }, seconds());
  }
}
