/** How long things take, and how that is printed. */
export async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export async function repeat(times: number, measure: () => Promise<number>): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < times; i++) samples.push(await measure());
  return samples;
}

/** Each kind once a round, so that whatever else the machine does in the meantime meets all of them. */
export async function inTurns<Kind extends string>(
  times: number,
  measures: Record<Kind, () => Promise<number>>,
): Promise<Record<Kind, number[]>> {
  const kinds = Object.keys(measures) as Kind[];
  const samples = Object.fromEntries(kinds.map((kind) => [kind, []])) as unknown as Record<Kind, number[]>;
  for (let i = 0; i < times; i++) for (const kind of kinds) samples[kind].push(await measures[kind]());
  return samples;
}

export function percentile(samples: number[], percent: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function ms(samples: number[], percent: number): string {
  return percentile(samples, percent).toFixed(0).padStart(5);
}

export function factor(samples: number[], lowest: number[]): string {
  const times = (percent: number) => (percentile(samples, percent) / percentile(lowest, 50)).toFixed(2);
  return `${times(50)} × and ${times(95)} × the floor’s p50`;
}

/** The parts of something in the order in which they were first met, in milliseconds (p50). */
export function parts(samples: Record<string, number>[]): string {
  const names = [...new Set(samples.flatMap((sample) => Object.keys(sample)))];
  return names.map((name) => `${name} ${ms(samples.map((sample) => sample[name] ?? 0), 50).trim()}`).join(', ');
}

export function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(0)} %`;
}

export function heading(text: string): void {
  console.log(`\n${text}`);
}

export function line(what: string, figure: string): void {
  console.log(`  ${what.padEnd(58)}${figure}`);
}

/** A line of a table. */
export function columns(what: string, ...figures: string[]): void {
  console.log(`  ${what.padEnd(24)}${figures.map((figure) => figure.padStart(9)).join('')}`);
}

export function rounded(perSecond: number): string {
  return perSecond.toFixed(perSecond < 10 ? 1 : 0);
}

/** Behind a figure that misses its aim. */
export function missed(misses: boolean): string {
  return misses ? ' !' : '';
}
