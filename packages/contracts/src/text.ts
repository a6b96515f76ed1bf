import { z } from 'zod';

/** Text that every store can keep: any Unicode but U+0000, which Postgres refuses, and halves of surrogate pairs. */
export function text() {
  return z
    .string()
    .refine((value) => !unstorable.test(value), 'must be well-formed Unicode without U+0000');
}

const unstorable = /[\0\p{Surrogate}]/u;
