import { Body, Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Ask, AskAnswer } from '@capstone/contracts/ask';
import type { Principal } from '@capstone/platform/principal';
import { Repeatable, type RepeatableRequest } from '../http/idempotency.js';
import { Route } from '../http/route.js';
import { Caller } from '../identity/caller.js';
import { AskService } from './ask.service.js';
import { sendAnswer } from './send-answer.js';

@Controller('api/v1/ask')
export class AskController {
  constructor(private readonly asking: AskService) {}

  @Route('POST', '', {
    summary: 'Ask the documents of the workspace; streamed where text/event-stream is accepted',
    access: 'ask:read',
    answers: { 200: AskAnswer },
    streams: true,
    problems: [
      'idempotency-key-in-use',
      'idempotency-key-reused',
      'ask-budget-spent',
      'overloaded',
      'model-unavailable',
    ],
  })
  ask(
    @Caller() caller: Principal,
    @Repeatable() repeatable: RepeatableRequest,
    @Body({ schema: Ask }) input: Ask,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return sendAnswer(request, reply, (gone) => this.asking.ask(caller, repeatable, input, gone));
  }
}
