import { parseMetrics, valueOf, type Sample } from './prometheus.js';

/** What a service says of itself on its admin port. */
export interface ServiceState {
  readonly service: string;
  /** `version`, and `commit` where the build knows it. */
  readonly build: Readonly<Record<string, string>>;
  readonly startedAtSeconds: number | undefined;
  readonly cpuSeconds: number | undefined;
  readonly residentMiB: number | undefined;
  readonly eventLoopDelayP99Ms: number | undefined;
}

const timeoutMs = 2_000;

/** One state for each service that answers; one that does not is left out. */
export async function readServices(
  adminUrls: Readonly<Record<string, string>>,
): Promise<ServiceState[]> {
  const states = await Promise.all(
    Object.entries(adminUrls).map(async ([service, url]) => {
      const text = await fetchText(`${url}/metrics`);
      return text === undefined ? undefined : stateOf(service, parseMetrics(text));
    }),
  );
  return states.filter((state) => state !== undefined);
}

function stateOf(service: string, samples: readonly Sample[]): ServiceState {
  const bytes = valueOf(samples, 'process_resident_memory_bytes');
  const delaySeconds = valueOf(samples, 'nodejs_eventloop_lag_p99_seconds');
  return {
    service,
    build: samples.find(({ name }) => name === 'build_info')?.labels ?? {},
    startedAtSeconds: valueOf(samples, 'process_start_time_seconds'),
    cpuSeconds: valueOf(samples, 'process_cpu_seconds_total'),
    residentMiB: bytes === undefined ? undefined : bytes / 2 ** 20,
    eventLoopDelayP99Ms: delaySeconds === undefined ? undefined : delaySeconds * 1000,
  };
}

async function fetchText(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  }
}
