import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { documentSchema, serializerSchema } from './json-schema.js';

const Part = z.object({ name: z.string() }).meta({ id: 'TestPart' });
const Whole = z
  .object({ part: Part, at: z.iso.datetime().nullable(), state: z.enum(['a', 'b']).nullable() })
  .meta({ id: 'TestWhole' });

describe('serializerSchema', () => {
  test('needs no run-time choice for what may be null', () => {
    const { definitions } = serializerSchema(Whole) as {
      definitions: { TestWhole: { properties: Record<string, object> } };
    };

    const { at, state } = definitions.TestWhole.properties;
    expect(at).toMatchObject({ type: ['string', 'null'], format: 'date-time' });
    expect(at).not.toHaveProperty('anyOf');
    expect(state).toHaveProperty('anyOf');
  });
});

describe('documentSchema', () => {
  test('moves what has an id to the components', () => {
    const components = {};

    const schema = documentSchema(z.array(Whole), 'output', components);

    expect(schema).toEqual({ type: 'array', items: { $ref: '#/components/schemas/TestWhole' } });
    expect(components).toMatchObject({
      TestWhole: { properties: { part: { $ref: '#/components/schemas/TestPart' } } },
      TestPart: { properties: { name: { type: 'string' } } },
    });
  });

  test('refuses one id for two shapes', () => {
    const loose = z.object({ a: z.string().default('x') }).meta({ id: 'TestLoose' });
    const components = {};
    documentSchema(loose, 'input', components);

    expect(() => documentSchema(loose, 'output', components)).toThrow('TestLoose');
  });
});
