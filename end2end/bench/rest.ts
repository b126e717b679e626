import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Project } from '../support/api.ts';
import { connectionUri } from '../support/dashboard-html.ts';
import { psql } from '../support/sql.ts';
import type { Projects } from './projects.ts';

const run = promisify(execFile);
export const LOAD_SECONDS = 8;
export const CONNECTIONS = 16;
/** Of the database role `postgres`, in projects that are measured so. */
export const PASSWORD = 'a-password-for-the-bench';

/** A row that can be read by its key. */
export interface Row {
  url: string;
  key: string;
  /** The database's connection string. */
  uri: string;
}

/** Makes the table, and waits until the project knows it. */
export async function prepareRow({ server, api }: Projects, project: Project): Promise<Row> {
  const uri = await connectionUri(server.url, project.ref, PASSWORD);
  await psql(
    uri,
    `create table public.bench (id integer primary key, title text not null);
     insert into public.bench select n, 'Row ' || n from generate_series(1, 1000) n;
     alter table public.bench enable row level security;
     create policy "everybody" on public.bench for select using (true);
     grant select on public.bench to anon`,
  );
  const { publishable: key } = await api.keys(project.ref);
  const url = `${server.projectUrl(project.ref)}/rest/v1/bench?select=id,title&id=eq.42`;
  for (let tries = 0; (await fetch(url, { headers: { apikey: key } })).status !== 200; tries++) {
    if (tries > 500) throw new Error('the schema cache never learnt of the table');
    await delay(10);
  }
  return { url, key, uri };
}

/** How often it can be read, per second. */
export async function readsPerSecond({ url, key }: Row): Promise<number> {
  const { stdout } = await run('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${LOAD_SECONDS}s`, '-H', `apikey: ${key}`, url]);
  if (/Non-2xx/.test(stdout)) throw new Error(stdout);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
}
