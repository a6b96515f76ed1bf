/** The part of Grafana's dashboard model that we use (schema 39, Grafana 10 and later). */
export interface Panel {
  readonly title: string;
  readonly says?: string;
  readonly unit: 's' | 'reqps' | 'ops' | 'percentunit' | 'short' | 'bytes' | 'dtdurations';
  readonly kind?: 'timeseries' | 'stat';
  readonly queries: readonly Query[];
  /** Drawn as a line: what is promised. */
  readonly line?: number;
  /** Of 24. */
  readonly width?: 6 | 8 | 12 | 24;
  readonly stacked?: boolean;
}

export interface Query {
  readonly expr: string;
  readonly legend: string;
  /** Shows dots that lead to traces; for queries on buckets. */
  readonly exemplars?: boolean;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Dashboard {
  readonly name: string;
  readonly title: string;
  readonly says: string;
  /** Adds a choice of service, which queries name as `$service`. */
  readonly byService?: boolean;
  readonly rows: readonly Row[];
}

const source = { type: 'prometheus', uid: '${source}' };
const panelHeight = 8;

/** The JSON that Grafana's file provisioning reads. The same input gives the same bytes. */
export function dashboardFile(dashboard: Dashboard): string {
  const model = {
    uid: `capstone-${dashboard.name}`,
    title: `capstone: ${dashboard.title}`,
    description: dashboard.says,
    tags: ['capstone'],
    editable: false,
    graphTooltip: 1,
    refresh: '10s',
    schemaVersion: 39,
    time: { from: 'now-30m', to: 'now' },
    links: [{ type: 'dashboards', title: 'capstone', tags: ['capstone'], asDropdown: true }],
    templating: { list: [sourceChoice, ...(dashboard.byService ? [serviceChoice] : [])] },
    panels: layOut(dashboard.rows),
  };
  return `${JSON.stringify(model, undefined, 2)}\n`;
}

const sourceChoice = {
  name: 'source',
  label: 'Data source',
  type: 'datasource',
  query: 'prometheus',
};
const serviceChoice = {
  name: 'service',
  label: 'Service',
  type: 'query',
  datasource: source,
  query: { query: 'label_values(build_info, service)', refId: 'service' },
  refresh: 2,
  multi: true,
  includeAll: true,
  current: { text: 'All', value: '$__all' },
};

function layOut(rows: readonly Row[]): object[] {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    const id = panels.length + 1;
    panels.push({ id, type: 'row', title: row.title, gridPos: { h: 1, w: 24, x: 0, y } });
    y += 1;
    let x = 0;
    for (const panel of row.panels) {
      const w = panel.width ?? 8;
      if (x + w > 24) [x, y] = [0, y + panelHeight];
      panels.push(toModel(panel, panels.length + 1, { h: panelHeight, w, x, y }));
      x += w;
    }
    y += panelHeight;
  }
  return panels;
}

function toModel(panel: Panel, id: number, gridPos: object): object {
  const { title, says, unit, kind = 'timeseries', queries, line, stacked } = panel;
  const steps = [
    { color: 'green', value: null },
    ...(line === undefined ? [] : [{ color: 'red', value: line }]),
  ];
  return {
    id,
    type: kind,
    title,
    ...(says !== undefined && { description: says }),
    datasource: source,
    gridPos,
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        thresholds: { mode: 'absolute', steps },
        custom: {
          lineWidth: 1,
          fillOpacity: stacked ? 30 : 8,
          showPoints: 'never',
          stacking: { mode: stacked ? 'normal' : 'none' },
          thresholdsStyle: { mode: line === undefined ? 'off' : 'line' },
        },
      },
      overrides: [],
    },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
    targets: queries.map(({ expr, legend, exemplars = false }, place) => ({
      refId: String.fromCodePoint(65 + place),
      datasource: source,
      expr,
      legendFormat: legend,
      exemplar: exemplars,
    })),
  };
}
