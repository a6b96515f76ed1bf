import type { z } from 'zod';
import { validationExceptionFactory } from '@capstone/platform/problem';

/** The fields of a gRPC message by the contract's own schema: that api checked them too is no reason to trust them. */
export function parseRequest<S extends z.ZodType>(schema: S, fields: unknown): z.output<S> {
  const parsed = schema.safeParse(fields);
  if (!parsed.success) throw validationExceptionFactory(parsed.error.issues);
  return parsed.data;
}
