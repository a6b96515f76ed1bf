export interface Series {
  readonly name: string;
  /** 0 to 7; without it, its place in the list. */
  readonly colour?: number;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly xUnit: string;
  readonly yUnit: string;
  readonly series: readonly Series[];
  /** A line across, such as an objective. */
  readonly limit?: { readonly name: string; readonly y: number };
  /** A line down, such as the knee or the end of a phase. */
  readonly marks?: readonly { readonly name: string; readonly x: number }[];
}

const width = 720;
const height = 240;
const margin = { top: 12, right: 16, bottom: 28, left: 56 };
const plot = {
  width: width - margin.left - margin.right,
  height: height - margin.top - margin.bottom,
};

/** An SVG that needs nothing from outside; colours come from the page's classes `s0` to `s7`. */
export function lineChart(chart: Chart): string {
  const points = chart.series.flatMap((series) => series.points);
  if (points.length === 0) return '';
  const xMax = Math.max(...points.map(([x]) => x), 1);
  const xMin = Math.min(...points.map(([x]) => x), xMax);
  const yTicks = ticks(Math.max(...points.map(([, y]) => y), chart.limit?.y ?? 0));
  const yMax = yTicks.at(-1)!;
  const x = (value: number) =>
    margin.left + ((value - xMin) / Math.max(1e-9, xMax - xMin)) * plot.width;
  const y = (value: number) => margin.top + plot.height - (value / yMax) * plot.height;
  const parts = [
    ...yTicks.map((tick) => yTickOf(tick, y(tick))),
    ...ticks(xMax)
      .filter((tick) => tick >= xMin && tick <= xMax)
      .map((tick) => xTickOf(tick, x(tick))),
    ...(chart.marks ?? []).map((mark) => markOf(mark.name, x(mark.x))),
    ...(chart.limit ? [limitOf(chart.limit.name, y(chart.limit.y))] : []),
    ...chart.series.map((series, index) => pathOf(series, series.colour ?? index, x, y)),
  ];
  const legend = chart.series.map(
    ({ name, colour }, index) =>
      `<span><i class="s${colour ?? index}"></i>${escapeHtml(name)}</span>`,
  );
  return `<figure><figcaption>${escapeHtml(chart.title)} <small>${escapeHtml(chart.yUnit)} over ${escapeHtml(chart.xUnit)}</small></figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(chart.title)}">${parts.join('')}</svg>
<p class="legend">${legend.join('')}</p></figure>`;
}

/** Four to eight round steps from 0 to just above `most`. */
export function ticks(most: number): number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replace(/[&<>"]/g, (character) => entities[character]!);
}

function pathOf(
  { points }: Series,
  index: number,
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  const line = points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(' ');
  const dots = points.length > 40 ? [] : points;
  const circles = dots.map(
    ([px, py]) =>
      `<circle class="s${index}" cx="${x(px).toFixed(1)}" cy="${y(py).toFixed(1)}" r="2.5"/>`,
  );
  return `<polyline class="s${index}" points="${line}"/>${circles.join('')}`;
}

function yTickOf(value: number, at: number): string {
  return `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}"/><text x="${margin.left - 6}" y="${at + 4}" text-anchor="end">${label(value)}</text>`;
}

function xTickOf(value: number, at: number): string {
  return `<text x="${at}" y="${height - 8}" text-anchor="middle">${label(value)}</text>`;
}

function markOf(name: string, at: number): string {
  return `<line class="mark" x1="${at}" x2="${at}" y1="${margin.top}" y2="${margin.top + plot.height}"/><text x="${at + 4}" y="${margin.top + 10}">${escapeHtml(name)}</text>`;
}

function limitOf(name: string, at: number): string {
  return `<line class="limit" x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}"/><text class="limit" x="${width - margin.right}" y="${at - 4}" text-anchor="end">${escapeHtml(name)}</text>`;
}

function label(value: number): string {
  return value >= 10_000 ? `${value / 1000}k` : String(value);
}
