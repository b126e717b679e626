/** A schema of ten thousand tables: how soon the program has read it, and what it holds then. */
import { heading, line } from '../figures.ts';
import { ask } from './scenarios.ts';
import type { Cluster } from './cluster.ts';
import { startRest } from './service.ts';
import { memory, processorSeconds } from './usage.ts';

const TABLES = 10_000;
/** A transaction holds a lock for each that it makes. */
const AT_ONCE = 500;

export async function large(cluster: Cluster): Promise<void> {
  await cluster.sql('postgres', 'create database large');
  await cluster.sql('large', `set synchronous_commit = off; ${tables().join(' ')} grant select on public.t7 to anon; analyze;`);
  const service = await startRest(cluster, 'large', 10);
  try {
    heading(`A schema of ${TABLES} tables`);
    const question = { method: 'GET', path: '/t7?select=id' } as const;
    const times: number[] = [];
    const [before, used] = [memory(service.pid), processorSeconds(service.pid)];
    for (const _ of ['first', 'second']) {
      const start = performance.now();
      const response = await ask(service.place, question);
      if ((await response.text()) !== '[]') throw new Error(`${response.status} of a table that is there`);
      times.push(performance.now() - start);
    }
    const after = memory(service.pid);
    const [first = 0, second = 0] = times;
    line('the first request, which waits for it (aim: ≤ 1,000 ms)', `${first.toFixed(0)} ms, of the processor ${(1000 * (processorSeconds(service.pid) - used)).toFixed(0)} ms; the second ${second.toFixed(1)} ms`);
    line('held then (aim: ≤ 60 MB)', `${after.rss.toFixed(0)} MB (${before.rss.toFixed(0)} before; ${after.peak.toFixed(0)} at most)`);
  } finally {
    await service.stop();
  }
}

function tables(): string[] {
  return Array.from({ length: TABLES / AT_ONCE }, (_, part) => {
    const [first, last] = [part * AT_ONCE, (part + 1) * AT_ONCE - 1];
    return `do $$ begin for i in ${first} .. ${last} loop
      execute format('create table public.t%s (id int primary key, name text not null, made timestamptz default now(),
        price numeric(10,2), tags text[], data jsonb, active bool default true, parent_id int%s)',
        i, case when i > 0 then format(' references public.t%s', i / 10) end);
    end loop; end $$;`;
  });
}
