import exec from 'k6/execution';
import http, { type RefinedParams, type RefinedResponse, type ResponseType } from 'k6/http';
import { Counter, Trend } from 'k6/metrics';
import { phaseAt, type FaultReason } from '../src/plan.ts';
import { job } from './job.ts';

/**
 * Latency of the answers that were as expected, from the scheduled start of sending: waiting for a connection is part of it,
 * which http_req_duration leaves out.
 */
const latency = new Trend('latency', true);
const faults = new Counter('faults');

const requestTimedOut = 1050;
const maxLoggedFaults = 3;
let loggedFaults = 0;

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly route: string;
  readonly expected: readonly number[];
  readonly token?: string;
  readonly headers?: Record<string, string>;
  readonly body?: object;
  /** Bodies are thrown away unread otherwise, which spares the generator half its work. */
  readonly keepBody?: boolean;
}

/** Sends it and files the outcome under its phase, window and route. */
export function call(spec: Call): RefinedResponse<ResponseType | undefined> {
  const elapsedSeconds = (Date.now() - exec.scenario.startTime) / 1000;
  const response = http.request(
    spec.method,
    job.apiUrl + spec.path,
    spec.body ? JSON.stringify(spec.body) : null,
    paramsOf(spec),
  );
  const tags = {
    phase: phaseAt(job.phases, elapsedSeconds),
    window: String(Math.floor(elapsedSeconds / job.windowSeconds)),
    route: spec.route,
  };
  if (spec.expected.includes(response.status)) {
    latency.add(response.timings.blocked + response.timings.duration, tags);
  } else {
    faults.add(1, { ...tags, reason: reasonOf(response) });
    logFault(spec, response);
  }
  return response;
}

function paramsOf({ route, token, headers, body, keepBody }: Call): RefinedParams<ResponseType> {
  return {
    headers: {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body ? { 'Content-Type': 'application/json' } : {}),
      ...headers,
    },
    responseType: keepBody ? 'text' : 'none',
    timeout: `${job.timeoutSeconds}s`,
    redirects: 0,
    tags: { name: route },
  };
}

function reasonOf({ status, error_code }: RefinedResponse<ResponseType | undefined>): FaultReason {
  if (status === 429) return 'rate-limited';
  if (status === 503) return 'shed';
  if (status >= 500) return 'server';
  if (status > 0) return 'client';
  return error_code === requestTimedOut ? 'timeout' : 'network';
}

function logFault(spec: Call, response: RefinedResponse<ResponseType | undefined>): void {
  if (loggedFaults++ >= maxLoggedFaults) return;
  console.warn(`${spec.route}: ${response.status || response.error || 'no answer'}`);
}
