import { parseArgs } from 'node:util';
import { OperatorError } from './operator-error.js';
import { profiles, type ProfileName } from './profiles.js';

export const loadHelp = `pnpm load <profile> [options]    measures a running system and compares it with the milestones
pnpm load seed [options]         only puts the data there that the profiles read

${Object.values(profiles)
  .map(({ name, purpose }) => `  ${name.padEnd(11)}${purpose}`)
  .join('\n')}

where
  --base-url URL       the system to measure (http://localhost:8080)
  --allow-remote       needed for anything that is not this machine
  --token TOKEN        an access token or API key to use instead of registering users; one workspace then
  --admin LIST         metrics of its services: api=http://…,auth=http://… (the local ports of this machine)

how much
  --rate N             iterations a second, instead of the profile's
  --duration TIME      of the part that is measured: 30s, 5m, 1h
  --ramp TIME          of the way up to the rate
  --capacity N         requests a second, for stress and soak; else taken from the newest capacity result

data, made through the public API where it is missing
  --workspaces N       10, each with one user (smoke, queue and auth: 2)
  --sessions N         20, logins that take turns
  --tasks N            100000 in all (smoke, queue and auth: 200)
  --chunks N           20000 in all (smoke, queue and auth: 40)

what counts
  --expect-build TEXT  the version or commit that must answer, else the run is invalid
  --any-build          do not mind that the code on disk is newer than the processes that answer
  --replicas TEXT      to be recorded, for a target that is not on this machine
  --out FOLDER         where the result is written (load-tests/results)

The exit code is 0 when every objective was met, 1 when one was not, 2 when the run says nothing.`;

export interface LoadArguments {
  readonly command: ProfileName | 'seed' | 'help';
  readonly origin: string;
  readonly token: string | undefined;
  readonly adminUrls: Readonly<Record<string, string>>;
  readonly rate: number | undefined;
  readonly seconds: number | undefined;
  readonly rampSeconds: number | undefined;
  readonly capacity: number | undefined;
  readonly workspaces: number | undefined;
  readonly sessions: number;
  readonly tasks: number | undefined;
  readonly chunks: number | undefined;
  readonly expectedBuild: string | undefined;
  readonly anyBuild: boolean;
  readonly replicas: string | undefined;
  readonly out: string | undefined;
}

export const targetOptions = {
  'base-url': { type: 'string', default: 'http://localhost:8080' },
  'allow-remote': { type: 'boolean', default: false },
  admin: { type: 'string' },
} as const;

/** Throws OperatorError with a sentence for anything it does not understand. */
export function parseLoadArguments(args: readonly string[]): LoadArguments {
  const { values, positionals } = parse(args);
  const command = values.help ? 'help' : commandOf(positionals);
  const origin = originOf(values['base-url'], values['allow-remote']);
  return {
    command,
    origin,
    token: values.token,
    adminUrls: adminUrlsOf(values.admin, origin),
    rate: positive('--rate', values.rate),
    seconds: seconds('--duration', values.duration),
    rampSeconds: seconds('--ramp', values.ramp),
    capacity: positive('--capacity', values.capacity),
    workspaces: whole('--workspaces', values.workspaces),
    sessions: whole('--sessions', values.sessions) ?? 20,
    tasks: whole('--tasks', values.tasks),
    chunks: whole('--chunks', values.chunks),
    expectedBuild: values['expect-build'],
    anyBuild: values['any-build'],
    replicas: values.replicas,
    out: values.out,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  return orOperatorError(() =>
    parseArgs({
      args: [...args].filter((arg) => arg !== '--'),
      allowPositionals: true,
      options: {
        ...targetOptions,
        help: { ...flag, short: 'h' },
        token: text,
        rate: text,
        duration: text,
        ramp: text,
        capacity: text,
        workspaces: text,
        sessions: text,
        tasks: text,
        chunks: text,
        'expect-build': text,
        'any-build': flag,
        replicas: text,
        out: text,
      },
    }),
  );
}

/** What node:util says about an unknown option is a sentence already. */
export function orOperatorError<Result>(parsing: () => Result): Result {
  try {
    return parsing();
  } catch (error) {
    throw new OperatorError(error instanceof Error ? error.message : String(error));
  }
}

function commandOf(positionals: readonly string[]): LoadArguments['command'] {
  const [command, ...more] = positionals;
  if (command === undefined) return 'help';
  if (more.length > 0)
    throw new OperatorError(`One profile at a time, not also ${more.join(' ')}.`);
  if (command === 'seed' || command === 'help' || Object.hasOwn(profiles, command)) {
    return command as LoadArguments['command'];
  }
  throw new OperatorError(
    `There is no profile ${command}: choose among ${Object.keys(profiles).join(', ')}.`,
  );
}

/** Load on somebody else's machine is an attack unless it was meant: anything but loopback must be asked for. */
export function originOf(baseUrl: string, allowRemote: boolean): string {
  if (!URL.canParse(baseUrl)) throw new OperatorError(`${baseUrl} is not a URL.`);
  const url = new URL(baseUrl);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OperatorError(`${baseUrl} is neither http nor https.`);
  }
  if (!isLoopback(url) && !allowRemote) {
    throw new OperatorError(
      `${url.host} is another machine: add --allow-remote if it is yours to put under load.`,
    );
  }
  const path = url.pathname.replace(/\/+$/, '').replace(/\/api\/v1$/, '');
  return url.origin + path;
}

export function isLoopback({ hostname }: URL): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  );
}

/** Where each service shows its metrics: as told, or the ports of the local stack. */
export function adminUrlsOf(list: string | undefined, origin: string): Record<string, string> {
  if (list === undefined) {
    if (!isLoopback(new URL(origin))) return {};
    const ports = { api: 9080, auth: 9081, worker: 9082 };
    return Object.fromEntries(
      Object.entries(ports).map(([service, port]) => [service, `http://127.0.0.1:${port}`]),
    );
  }
  const entries = list.split(',').map((entry) => {
    const [service = '', url = ''] = entry.split(/=(.*)/s);
    if (service === '' || !URL.canParse(url)) {
      throw new OperatorError(`--admin takes service=URL, not ${entry}.`);
    }
    return [service, url.replace(/\/+$/, '')] as const;
  });
  return Object.fromEntries(entries);
}

/** `90`, `30s`, `5m`, `1h`, in seconds. */
export function seconds(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(text) ?? [];
  if (amount === undefined)
    throw new OperatorError(`${option} is a time such as 30s or 5m, not ${text}.`);
  const factor = { s: 1, m: 60, h: 3600 }[unit as 's' | 'm' | 'h'];
  return Math.round(Number(amount) * factor);
}

function positive(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0 && value <= 1_000_000)) {
    throw new OperatorError(`${option} is a number above 0, not ${text}.`);
  }
  return value;
}

function whole(option: string, text: string | undefined): number | undefined {
  const value = positive(option, text);
  if (value !== undefined && !Number.isInteger(value)) {
    throw new OperatorError(`${option} is a whole number, not ${text}.`);
  }
  return value;
}
