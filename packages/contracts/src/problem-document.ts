import { z } from 'zod';

/** The body of every error answer: RFC 9457, served as application/problem+json. */
export const ProblemDocument = z
  .object({
    type: z.string().meta({ description: 'urn:capstone:problem:<code>' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    instance: z.string().optional(),
    code: z.string().meta({ description: 'Compare this, never the texts.' }),
    traceId: z.string().optional(),
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .meta({ description: 'With 422: one entry a fault, each with an RFC 6901 pointer.' }),
  })
  .meta({ id: 'Problem' });
export type ProblemDocument = z.infer<typeof ProblemDocument>;
