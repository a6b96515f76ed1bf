/** Says how far something is: in place on a terminal, else a line every few seconds. */
export class Progress {
  private lastAtMs = 0;
  private readonly startMs = performance.now();

  constructor(private readonly what: string) {}

  update(done: number, total: number): void {
    const now = performance.now();
    const isTerminal = process.stderr.isTTY;
    if (done < total && now - this.lastAtMs < (isTerminal ? 200 : 5_000)) return;
    this.lastAtMs = now;
    const seconds = (now - this.startMs) / 1000;
    const rate = seconds > 1 ? `, ${Math.round(done / seconds)}/s` : '';
    const line = `${this.what}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')}${rate}`;
    if (!isTerminal) return void process.stderr.write(`${line}\n`);
    process.stderr.write(`\r\u001b[K${line}${done >= total ? '\n' : ''}`);
  }
}
