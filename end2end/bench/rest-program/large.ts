/** A schema of ten thousand tables: how soon the program has read it, and what it holds then. */
import { heading, line, timed } from '../figures.ts';
import type { Cluster } from './cluster.ts';
import { ask } from './scenarios.ts';
import { type Service, startRest } from './service.ts';
import { childrensSeconds, memory, processorSeconds } from './usage.ts';

const TABLES = 10_000;
/** A transaction holds a lock for each that it makes, and for each that those refer to: no two parts refer to the same. */
const AT_ONCE = 500;
/** Every ten refer to one of the first thousand. */
const REFERRED_TO = TABLES / 10;

export async function large(cluster: Cluster): Promise<void> {
  // They are sixty thousand files, and nobody needs them after this.
  await cluster.sql('postgres', 'alter system set fsync = off');
  await cluster.sql('postgres', 'select pg_reload_conf()');
  await cluster.sql('postgres', 'create database large');
  const make = (parts: string[]) => cluster.sql('large', `set synchronous_commit = off; ${parts.join(' ')}`);
  const parts = tables();
  await make(parts.splice(0, REFERRED_TO / AT_ONCE));
  const half = parts.length / 2;
  await Promise.all([make(parts.slice(0, half)), make(parts.slice(half))]);
  await cluster.sql('large', 'grant select on public.t7 to anon; analyze;');
  heading(`A schema of ${TABLES} tables`);
  const usedBefore = childrensSeconds(cluster.pid);
  let service: Service | undefined;
  const start = await timed(async () => {
    service = await startRest(cluster, 'large', 10);
  });
  if (!service) throw new Error('it has not started');
  try {
    const [own, postgres] = [processorSeconds(service.pid), childrensSeconds(cluster.pid) - usedBefore].map((s) => (1000 * s).toFixed(0));
    const after = memory(service.pid);
    const first = await timed(() => answered(service!));
    line(
      'from its start until it is ready, ms',
      `${start.toFixed(0)} (aim: ≤ 1000); of the processor ${own} and in PostgreSQL ${postgres}; the first request ${first.toFixed(1)}`,
    );
    line('memory then, MiB', `${after.rss.toFixed(1)} RSS (aim: ≤ 60), at most ${after.peak.toFixed(1)}`);
  } finally {
    await service.stop();
  }
}

async function answered({ place }: Service): Promise<void> {
  const response = await ask(place, { method: 'GET', path: '/t7?select=id' });
  const answer = await response.text();
  if (answer !== '[]') throw new Error(`${response.status} ${answer}`);
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
