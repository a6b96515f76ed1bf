import { ProblemDocument } from '@capstone/contracts/problem-document';
import { problems } from '@capstone/contracts/problems';
import type { ProblemCode } from '@capstone/contracts/problems';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Problem, jsonPointer, validationExceptionFactory } from './problem.js';
import { fromGrpcStatus, toGrpcStatus } from './problem-grpc.filter.js';

const codes = Object.keys(problems) as ProblemCode[];

describe('Problem', () => {
  test.each(codes)('%s is a valid document that says what the catalogue says', (code) => {
    const document = new Problem(code, { detail: 'x' }).toDocument({
      instance: '/a',
      traceId: 't',
    });
    expect(ProblemDocument.parse(document)).toEqual({
      type: `urn:capstone:problem:${code}`,
      title: problems[code].title,
      status: problems[code].status,
      detail: 'x',
      instance: '/a',
      code,
      traceId: 't',
    });
  });

  test('asks to come back after whole seconds, at least one', () => {
    const headers = [0, 0.2, 1.2].map(
      (seconds) =>
        new Problem('rate-limited', { retryAfterSeconds: seconds }).toHeaders()['retry-after'],
    );
    expect(headers).toEqual(['1', '1', '2']);
  });

  test.each(codes)('%s survives the way over gRPC', (code) => {
    const sent = new Problem(code, {
      detail: 'Größe: 5 €',
      retryAfterSeconds: 2,
      errors: [{ pointer: '/title', detail: 'too long' }],
    });
    const received = fromGrpcStatus(toGrpcStatus(sent));
    expect(received).toMatchObject({
      code,
      detail: 'Größe: 5 €',
      retryAfterSeconds: 2,
      errors: sent.errors,
    });
  });

  test('keeps its trailers within what a peer accepts', () => {
    const errors = Array.from({ length: 50 }, (_, n) => ({
      pointer: `/${n}`,
      detail: 'x'.repeat(300),
    }));
    const { metadata } = toGrpcStatus(
      new Problem('validation-failed', { errors, detail: 'y'.repeat(9_000) }),
    );
    expect(JSON.stringify(metadata.toHttp2Headers()).length).toBeLessThan(8_000);
    expect(fromGrpcStatus({ metadata })?.errors?.length).toBeGreaterThan(5);
  });

  test('a status of something else is not taken for a Problem', () => {
    const { metadata } = toGrpcStatus(new Problem('conflict'));
    metadata.set('problem-code', 'toString');
    expect(fromGrpcStatus({ metadata })).toBeUndefined();
    expect(fromGrpcStatus({})).toBeUndefined();
  });
});

describe('jsonPointer', () => {
  test.each([
    [[], ''],
    [['a', 0, 'b'], '/a/0/b'],
    [['a/b', 'm~n', '~1'], '/a~1b/m~0n/~01'],
    [[''], '/'],
  ])('%j is %s', (path, pointer) => {
    expect(jsonPointer(path)).toBe(pointer);
  });
});

describe('validationExceptionFactory', () => {
  const schema = z.strictObject({
    title: z.string().min(1),
    labels: z.array(z.string()),
    nested: z.strictObject({ 'a/b': z.number() }),
  });

  function faultsOf(input: unknown) {
    const result = schema['~standard'].validate(input) as { issues: never[] };
    return validationExceptionFactory(result.issues).errors;
  }

  test('points at every fault', () => {
    const faults = faultsOf({ title: '', labels: ['a', 1], nested: { 'a/b': 'x' } });
    expect(faults?.map(({ pointer }) => pointer)).toEqual(['/title', '/labels/1', '/nested/a~1b']);
    expect(faults?.[0]?.detail).toMatch(/small|least/i);
  });

  test('points at each unknown field itself', () => {
    const faults = faultsOf({
      title: 'a',
      labels: [],
      nested: { 'a/b': 1, 'x/y': 2 },
      role: 'owner',
      id: 1,
    });
    expect(faults).toEqual([
      { pointer: '/nested/x~1y', detail: 'This field is not known here' },
      { pointer: '/role', detail: 'This field is not known here' },
      { pointer: '/id', detail: 'This field is not known here' },
    ]);
  });

  test('stays small however much the client got wrong', () => {
    const junk = Object.fromEntries(
      Array.from({ length: 500 }, (_, n) => [`${n}${'k'.repeat(1_000)}`, 1]),
    );
    const faults = faultsOf({ title: 'a', labels: [], nested: { 'a/b': 1 }, ...junk });
    expect(faults).toHaveLength(50);
    expect(JSON.stringify(faults).length).toBeLessThan(10_000);
  });

  test('does not repeat what the client sent', () => {
    const faults = faultsOf({ title: 5, labels: 'canary', nested: { 'a/b': 'canary' } });
    expect(JSON.stringify(faults)).not.toContain('canary');
  });
});
