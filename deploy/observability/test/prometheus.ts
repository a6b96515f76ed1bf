import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@capstone/local/ports';
import { waitFor } from '@capstone/testing/wait-for';

export interface Target {
  readonly health: string;
  readonly lastError: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A real Prometheus with our configuration, only that it scrapes every second and these addresses. */
export class Prometheus {
  private constructor(
    private readonly url: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(
    configuration: string,
    targets: readonly { targets: string[]; labels: Record<string, string> }[],
  ): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'capstone-prometheus-'));
    const port = await freePort();
    cpSync(configuration, folder, { recursive: true });
    const file = join(folder, 'prometheus.yml');
    const text = readFileSync(file, 'utf8')
      .replaceAll(/(scrape|evaluation)_interval: 15s/g, '$1_interval: 1s')
      .replace('scrape_timeout: 5s', 'scrape_timeout: 1s')
      .replace('localhost:9090', `localhost:${port}`);
    writeFileSync(file, text);
    writeFileSync(join(folder, 'targets', 'capstone.json'), JSON.stringify(targets));
    writeFileSync(join(folder, 'targets', 'alertmanager.json'), '[]');
    const child = spawn(
      'prometheus',
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--enable-feature=exemplar-storage',
        '--log.level=warn',
      ],
      { stdio: 'ignore' },
    );
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`, child, folder);
    await waitFor(() => prometheus.isReady(), { timeoutMs: 30_000, what: 'Prometheus' });
    return prometheus;
  }

  async stop(): Promise<void> {
    const ended = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }

  async targets(): Promise<Target[]> {
    const { activeTargets } = await this.get<{ activeTargets: Target[] }>('/api/v1/targets');
    return activeTargets;
  }

  /** The samples of an instant query. */
  async query(expression: string): Promise<{ metric: Record<string, string>; value: number }[]> {
    const { result } = await this.get<{
      result: { metric: Record<string, string>; value: [number, string] }[];
    }>(`/api/v1/query?${new URLSearchParams({ query: expression }).toString()}`);
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** The traces that exemplars of a metric lead to. */
  async exemplarTraces(series: string): Promise<string[]> {
    const now = Date.now() / 1_000;
    const range = { query: series, start: String(now - 300), end: String(now + 1) };
    const found = await this.get<{ exemplars: { labels: { trace_id: string } }[] }[]>(
      `/api/v1/query_exemplars?${new URLSearchParams(range).toString()}`,
    );
    return found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id));
  }

  /** Rules that could not be evaluated, each with its error. */
  async brokenRules(): Promise<string[]> {
    const { groups } = await this.get<{
      groups: { rules: { name: string; health: string; lastError?: string }[] }[];
    }>('/api/v1/rules');
    return groups
      .flatMap(({ rules }) => rules)
      .filter(({ health }) => health !== 'ok')
      .map(({ name, health, lastError }) => `${name}: ${lastError ?? health}`);
  }

  private async isReady(): Promise<boolean> {
    return fetch(`${this.url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  private async get<Data>(path: string): Promise<Data> {
    const response = await fetch(this.url + path);
    const body = (await response.json()) as { data: Data; error?: string };
    if (!response.ok) throw new Error(`${path}: ${body.error ?? response.status}`);
    return body.data;
  }
}
