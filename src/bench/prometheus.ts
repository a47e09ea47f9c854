/** Sums the samples of one metric in Prometheus' text format whose line has all of `labels`; undefined: there is none. */
export function sumOf(text: string, metric: string, labels: readonly string[] = []): number | undefined {
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(metric) && ' {'.includes(line.charAt(metric.length)))
    .filter((line) => labels.every((label) => line.includes(label)))
    .map((line) => Number(line.split(' ').at(-1)));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}

/** The metrics page of each server. Throws a sentence when one does not answer. */
export async function metricsOf(urls: readonly string[]): Promise<string[]> {
  return await Promise.all(
    urls.map(async (url) => {
      const response = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
      if (response?.ok !== true) throw new Error(`${url} does not answer`);
      return await response.text();
    }),
  );
}

/** Sums what each server reports; undefined when none reports it. */
export function total(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0);
}
