import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '@capstone/platform/principal';
import { Route } from '../http/route.js';
import { Caller } from '../identity/caller.js';
import { EventStreams } from './event-streams.js';

@Controller('api/v1/events')
export class EventsController {
  constructor(private readonly streams: EventStreams) {}

  @Route('GET', '', {
    summary: 'What happens in the workspace, as server-sent events; Last-Event-ID resumes',
    access: 'events:read',
    answers: { 200: null },
    sends: 'text/event-stream',
    problems: ['overloaded'],
  })
  open(
    @Caller() caller: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.streams.open(caller, request, reply);
  }
}
