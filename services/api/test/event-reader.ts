import { createParser } from 'eventsource-parser';

export interface ReceivedEvent {
  readonly name: string;
  readonly data: Record<string, unknown>;
}

/** Server-sent events of a whole body. */
export function eventsIn(text: string): ReceivedEvent[] {
  const events: ReceivedEvent[] = [];
  const parser = createParser({
    onEvent: ({ event = '', data }) =>
      events.push({ name: event, data: JSON.parse(data) as ReceivedEvent['data'] }),
  });
  parser.feed(text);
  return events;
}
