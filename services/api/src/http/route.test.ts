import 'reflect-metadata';
import { Body, Controller, Param, Query } from '@nestjs/common';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Route } from './route.js';

const spec = { summary: 'x', access: 'public', answers: { 200: z.object({}) } } as const;

describe('a route', () => {
  test('takes its schemas from the parameters', () => {
    const Input = z.strictObject({ a: z.string() });
    @Controller()
    class Example {
      @Route('POST', 'x/:id', spec)
      run(@Param('id', { schema: z.uuid() }) _id: string, @Body({ schema: Input }) _body: object) {
        return {};
      }
    }

    const handler = Object.getOwnPropertyDescriptor(Example.prototype, 'run')?.value as object;
    const { declaration } = Reflect.getMetadata('__fastify_route_config__', handler) as {
      declaration: object;
    };
    expect(declaration).toMatchObject({
      method: 'POST',
      controller: 'Example',
      handler: 'run',
      body: Input,
      accepts: ['application/json'],
    });
  });

  test.each<[string, () => unknown]>([
    [
      'a body without a schema',
      () => {
        class Example {
          @Route('POST', 'x', spec)
          run(@Body() _body: object) {
            return {};
          }
        }
        return Example;
      },
    ],
    [
      'a query without a schema',
      () => {
        class Example {
          @Route('GET', 'x', spec)
          run(@Query() _query: object) {
            return {};
          }
        }
        return Example;
      },
    ],
    [
      'a path parameter that no argument takes',
      () => {
        class Example {
          @Route('GET', 'x/:id', spec)
          run() {
            return {};
          }
        }
        return Example;
      },
    ],
    [
      'no answer',
      () => {
        class Example {
          @Route('GET', 'x', { ...spec, answers: {} })
          run() {
            return {};
          }
        }
        return Example;
      },
    ],
  ])('with %s does not load', (_, define) => {
    expect(define).toThrow('Example.run');
  });
});
