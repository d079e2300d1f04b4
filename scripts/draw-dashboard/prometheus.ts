/** A time range, in seconds since the epoch, with the step in seconds. */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

export interface Series {
  readonly name: string;
  /** Pairs of time and value, in chronological order. */
  readonly points: readonly (readonly [number, number])[];
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [number, string])[];
    }[];
  };
}

/** The values of Grafana's variables for a dashboard that shows all pools. */
const VARIABLES = { $__rate_interval: '30s', $pool: '.*' };

/** Evaluates an expression of the dashboard over a time range. @throws Error with the message of Prometheus */
export async function querySeries(
  server: string,
  expr: string,
  legend: string,
  { start, end, step }: Range,
): Promise<Series[]> {
  let query = expr;
  for (const [name, value] of Object.entries(VARIABLES)) query = query.replaceAll(name, value);
  const url = new URL('/api/v1/query_range', server);
  const words = { query, start: String(start), end: String(end), step: String(step) };
  url.search = new URLSearchParams(words).toString();
  const { status, error, data } = (await (await fetch(url)).json()) as Answer;
  if (status !== 'success' || !data) throw new Error(`${query}: ${error ?? status}`);
  return data.result.map(({ metric, values }) => ({
    name: legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ''),
    points: values
      .map(([time, value]) => [time, Number(value)] as const)
      .filter(([, value]) => Number.isFinite(value)),
  }));
}
