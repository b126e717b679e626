/**
 * `make bench`: the figures that issue and README speak of, each beside its floor, measured in the same run on the same
 * machine. BENCH_PROJECTS (default 200) and BENCH_SAMPLES (default 30) shorten it.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { ManagementApi, type Project } from '../support/api.ts';
import { connectionUri } from '../support/dashboard-html.ts';
import { binary, Server } from '../support/server.ts';
import { psql } from '../support/sql.ts';
import { floor, postmasterArguments } from './floor.ts';
import { idleMemory } from './memory.ts';

const run = promisify(execFile);
const MOST_PROJECTS = Number(process.env.BENCH_PROJECTS ?? 200);
const SAMPLES = Number(process.env.BENCH_SAMPLES ?? 30);
const LOAD_SECONDS = 8;
const CONNECTIONS = 16;
const PASSWORD = 'a-password-for-the-bench';

const server = await Server.start({ name: 'bench' });
const api = new ManagementApi(server.url);
try {
  await main();
} finally {
  await server.stop();
}

async function main(): Promise<void> {
  const first = await api.create({ name: 'first', db_pass: PASSWORD });

  heading('Create and resume, milliseconds (p50, p95)');
  const lowest = await floor(server.dataDir, SAMPLES);
  line('floor: clone the template, start, select 1', `${ms(lowest, 50)}  ${ms(lowest, 95)}`);
  const created = await repeat(SAMPLES, createToFirst200);
  line('create → first 200 from /rest/v1', `${ms(created, 50)}  ${ms(created, 95)}   ${factor(created, lowest)}`);
  const resumed = await repeat(SAMPLES, () => resumeToFirst200(first));
  line('resume → first 200 from /rest/v1', `${ms(resumed, 50)}  ${ms(resumed, 95)}   ${factor(resumed, lowest)}`);

  heading('Idle memory, MiB (PSS)');
  let running = 1;
  for (const wanted of [1, 10, 50, 200].filter((n) => n <= MOST_PROJECTS)) {
    while (running < wanted) {
      const batch = Math.min(10, wanted - running);
      await Promise.all(Array.from({ length: batch }, (_, i) => api.create({ name: `p${running + i}` })));
      running += batch;
    }
    const { serverMiB, projectMiB } = await idleMemory(server, running);
    line(`${running} running`, `${projectMiB.toFixed(1)} a project, server ${serverMiB.toFixed(1)}`);
  }
  const late = await repeat(Math.min(SAMPLES, 10), createToFirst200);
  line(`create → first 200 beside ${running} others, ms`, `${ms(late, 50)}  ${ms(late, 95)}   ${factor(late, lowest)}`);
  const listed = await repeat(SAMPLES, () => timed(async () => void (await api.list())));
  line(`list ${running} projects by the API, ms`, `${ms(listed, 50)}  ${ms(listed, 95)}`);
  const shown = await repeat(SAMPLES, () => timed(async () => void (await (await fetch(`${server.url}/`)).text())));
  line(`the page of ${running} projects, ms`, `${ms(shown, 50)}  ${ms(shown, 95)}`);

  heading(`GET /rest/v1 of one row by its key, requests per second, beside ${running - 1} idle projects`);
  await rest(first);

  heading('wasm, KB');
  wasm();
}

async function createToFirst200(): Promise<number> {
  let project: Project | undefined;
  const took = await timed(async () => {
    project = await api.create();
    const { publishable } = await api.keys(project.ref);
    await first200(project.ref, publishable);
  });
  if (project) await api.delete(project.ref);
  return took;
}

async function resumeToFirst200(project: Project): Promise<number> {
  const { publishable } = await api.keys(project.ref);
  await api.change(project.ref, 'pause');
  await api.until(project.ref, 'INACTIVE');
  const took = await timed(async () => {
    await api.change(project.ref, 'restore');
    await first200(project.ref, publishable);
  });
  await api.until(project.ref, 'ACTIVE_HEALTHY');
  return took;
}

/** Asks until the answer is 200; how soon that is, is what is measured. */
async function first200(ref: string, key: string): Promise<void> {
  for (let tries = 0; tries < 5_000; tries++) {
    const response = await fetch(`${server.projectUrl(ref)}/rest/v1/`, { headers: { apikey: key } });
    await response.arrayBuffer();
    if (response.status === 200) return;
    await delay(2);
  }
  throw new Error(`${ref} never answered 200`);
}

async function rest(project: Project): Promise<void> {
  const uri = await connectionUri(server.url, project.ref, PASSWORD);
  await psql(
    uri,
    `create table public.bench (id integer primary key, title text not null);
     insert into public.bench select n, 'Row ' || n from generate_series(1, 1000) n;
     alter table public.bench enable row level security;
     create policy "everybody" on public.bench for select using (true);
     grant select on public.bench to anon`,
  );
  const { publishable } = await api.keys(project.ref);
  const url = `${server.projectUrl(project.ref)}/rest/v1/bench?select=id,title&id=eq.42`;
  for (let tries = 0; (await fetch(url, { headers: { apikey: publishable } })).status !== 200; tries++) {
    if (tries > 500) throw new Error('the schema cache never learnt of the table');
    await delay(10);
  }

  // The same work without HTTP: one row as JSON, as the same role, in a transaction.
  const statements = `begin read only;
select set_config('role', 'anon', true), set_config('request.jwt.claims', '{"role":"anon"}', true);
select coalesce(json_agg(t), '[]')::text from (select id, title from public.bench where id = 42) t;
commit;
`;
  const pgbench = async (script: string, uri: string): Promise<number> => {
    const file = join(server.dataDir, '..', 'bench.sql');
    writeFileSync(file, script);
    const options = ['-n', '-M', 'prepared', '-c', `${CONNECTIONS}`, '-j', '1', '-T', `${LOAD_SECONDS}`, '-f', file, uri];
    return Number(/tps = ([\d.]+)/.exec((await run(postgresProgram('pgbench'), options)).stdout)?.[1]);
  };
  const floorPerSecond = await pgbench(statements, uri);
  line(`floor: pgbench, ${CONNECTIONS} connections, the same statement`, floorPerSecond.toFixed(0));
  // What REST itself does: all of it in one round trip, over the unix socket.
  const socket = new URL(uri);
  const args = postmasterArguments(join(server.dataDir, 'clusters/projects', project.ref));
  const directory = args.map((arg) => /^unix_socket_directories="(.*)"$/.exec(arg)?.[1]).find(Boolean);
  socket.searchParams.set('host', directory ?? '');
  const lowest = await pgbench(`\\startpipeline\n${statements}\\endpipeline\n`, socket.href);
  line('the same in one round trip over the unix socket', lowest.toFixed(0));

  const { stdout: load } = await run('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${LOAD_SECONDS}s`, '-H', `apikey: ${publishable}`, url]);
  if (/Non-2xx/.test(load)) throw new Error(load);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(load)?.[1]);
  line(`wrk, ${CONNECTIONS} connections`, `${perSecond.toFixed(0)}   ${percent(perSecond, floorPerSecond)} of the floor, ${percent(perSecond, lowest)} of one round trip`);
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(0)} %`;
}

function postgresProgram(name: string): string {
  const root = '/usr/lib/postgresql';
  const major = readdirSync(root).sort((a, b) => Number(b) - Number(a)).find((major) => existsSync(join(root, major, 'bin', name)));
  if (!major) throw new Error(`there is no ${name} under ${root}`);
  return join(root, major, 'bin', name);
}

function wasm(): void {
  const pkg = resolve(binary, '../../site/pkg');
  const name = readdirSync(pkg).find((name) => name.endsWith('.wasm'));
  if (!name) throw new Error(`no wasm in ${pkg}`);
  const path = join(pkg, name);
  const kilobytes = (bytes: number) => (bytes / 1024).toFixed(0);
  const sizeOf = (path: string) => (existsSync(path) ? kilobytes(statSync(path).size) : '?');
  line('raw, gzip, brotli', `${sizeOf(path)}  ${kilobytes(gzipSync(readFileSync(path)).length)}  ${sizeOf(`${path}.br`)}`);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function repeat(times: number, measure: () => Promise<number>): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < times; i++) samples.push(await measure());
  return samples;
}

function percentile(samples: number[], percent: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

function ms(samples: number[], percent: number): string {
  return percentile(samples, percent).toFixed(0).padStart(5);
}

function factor(samples: number[], lowest: number[]): string {
  const times = (percent: number) => (percentile(samples, percent) / percentile(lowest, 50)).toFixed(2);
  return `${times(50)} × and ${times(95)} × the floor’s p50`;
}

function heading(text: string): void {
  console.log(`\n${text}`);
}

function line(what: string, figure: string): void {
  console.log(`  ${what.padEnd(58)}${figure}`);
}
