import {
  isLoopback,
  orOperatorError,
  parseLoadArguments,
  type LoadArguments,
} from '../arguments.js';
import { parseArgs } from 'node:util';

export const milestonesHelp = `pnpm milestones [options]    grades a running system against the three milestones of the roadmap

Any base URL that speaks the public API may be graded: your own implementation too.

  --base-url URL     the system to grade (http://localhost:8080)
  --allow-remote     needed for anything that is not this machine
  --admin LIST       metrics of its services: api=http://…,auth=http://…
  --grpc HOST:PORT   the door between the services, to be refused there (localhost:7070 on this machine)
  --no-load          leave out milestone 1
  --no-tests         do not run the tests that prove items; they run only for the stack of this checkout
  --rate, --duration, --ramp, --workspaces, --sessions, --tasks, --chunks, --any-build, --out: as in pnpm load

The exit code is 0 when every item passes, 1 when one fails, 2 when one could not be measured.`;

export interface MilestonesArguments {
  readonly help: boolean;
  readonly load: LoadArguments;
  readonly withLoad: boolean;
  readonly withTests: boolean;
  readonly grpcAddress: string | undefined;
}

/** Takes its own options and leaves the rest to the arguments of `pnpm load`. */
export function parseMilestonesArguments(args: readonly string[]): MilestonesArguments {
  const flag = { type: 'boolean', default: false } as const;
  const { values, tokens } = orOperatorError(() =>
    parseArgs({
      args: args.filter((arg) => arg !== '--'),
      strict: false,
      tokens: true,
      options: {
        help: { ...flag, short: 'h' },
        'no-load': flag,
        'no-tests': flag,
        grpc: { type: 'string' },
      },
    }),
  );
  const own = new Set<number>();
  for (const token of tokens) {
    if (token.kind !== 'option' || !['help', 'no-load', 'no-tests', 'grpc'].includes(token.name))
      continue;
    own.add(token.index);
    if (token.name === 'grpc' && !token.inlineValue) own.add(token.index + 1);
  }
  const rest = args.filter((arg) => arg !== '--').filter((_, index) => !own.has(index));
  const load = parseLoadArguments(['milestone', ...rest]);
  const isLocal = isLoopback(new URL(load.origin));
  return {
    help: values.help === true,
    load,
    withLoad: values['no-load'] !== true,
    withTests: values['no-tests'] !== true,
    grpcAddress:
      typeof values.grpc === 'string' ? values.grpc : isLocal ? 'localhost:7070' : undefined,
  };
}
