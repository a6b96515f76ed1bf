import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;

/**
 * An answer's schema as fast-json-stringify likes it: draft 7, and `type: [x, 'null']` in place of `anyOf`, which it
 * would decide with a validator at run time.
 */
export function serializerSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...converted } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'output',
    override: ({ jsonSchema }) => flattenNullable(jsonSchema),
  });
  return converted;
}

/**
 * A schema for the OpenAPI 3.1 document, which speaks JSON Schema 2020-12 as zod does. Schemas that have an id are moved
 * to `components`, where one id means one shape.
 */
export function documentSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
  components: Record<string, JsonSchema>,
): JsonSchema {
  const converted = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io,
    override: ({ jsonSchema }) => {
      flattenNullable(jsonSchema);
      // The format says it; the pattern is zod's own and would be most of the document.
      if (jsonSchema.format === 'uuid' || jsonSchema.format === 'date-time')
        delete jsonSchema.pattern;
    },
  });
  const {
    $schema: _,
    $defs = {},
    ...root
  } = JSON.parse(
    JSON.stringify(converted).replaceAll('"#/$defs/', '"#/components/schemas/'),
  ) as JsonSchema & { $defs?: Record<string, JsonSchema> };

  for (const [id, definition] of Object.entries($defs)) {
    const known = components[id];
    if (known && JSON.stringify(known) !== JSON.stringify(definition)) {
      throw new Error(`The schema id ${id} stands for two different shapes`);
    }
    components[id] = definition;
  }
  return root;
}

function flattenNullable(schema: z.core.JSONSchema.BaseSchema) {
  const [some, none, ...more] = schema.anyOf ?? [];
  if (!some || more.length > 0 || none?.type !== 'null') return;
  if (typeof some.type !== 'string' || some.enum) return;
  delete schema.anyOf;
  Object.assign(schema, some, { type: [some.type, 'null'] });
}
