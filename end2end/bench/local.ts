import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Project } from '../support/api.ts';
import { Server } from '../support/server.ts';
import { factor, heading, line, ms, percent, repeat, timed } from './figures.ts';
import { floor, postmasterArguments } from './floor.ts';
import { idleMemory } from './memory.ts';
import { postgresProgram } from './postgres-program.ts';
import { Projects } from './projects.ts';
import { CONNECTIONS, LOAD_SECONDS, PASSWORD, prepareRow, readsPerSecond } from './rest.ts';

const run = promisify(execFile);

/** Measures a server whose projects are processes of this machine. Answers REST's requests per second. */
export async function local(samples: number, mostProjects: number): Promise<number> {
  const server = await Server.start({ name: 'bench' });
  try {
    return await measure(new Projects(server), samples, mostProjects);
  } finally {
    await server.stop();
  }
}

async function measure(projects: Projects, samples: number, mostProjects: number): Promise<number> {
  const { server, api } = projects;
  const first = await api.create({ name: 'first', db_pass: PASSWORD });

  heading('Create and resume, milliseconds (p50, p95)');
  const lowest = await floor(server.dataDir, samples);
  line('floor: clone the template, start, select 1', `${ms(lowest, 50)}  ${ms(lowest, 95)}`);
  const created = await repeat(samples, () => projects.createAndDelete());
  line('create → first 200 from /rest/v1', `${ms(created, 50)}  ${ms(created, 95)}   ${factor(created, lowest)}`);
  const resumed = await repeat(samples, () => projects.resume(first));
  line('resume → first 200 from /rest/v1', `${ms(resumed, 50)}  ${ms(resumed, 95)}   ${factor(resumed, lowest)}`);

  heading('Idle memory, MiB (PSS)');
  let running = 1;
  for (const wanted of [1, 10, 50, 200].filter((n) => n <= mostProjects)) {
    while (running < wanted) {
      const batch = Math.min(10, wanted - running);
      await Promise.all(Array.from({ length: batch }, (_, i) => api.create({ name: `p${running + i}` })));
      running += batch;
    }
    const { serverMiB, projectMiB } = await idleMemory(server, running);
    line(`${running} running`, `${projectMiB.toFixed(1)} a project, server ${serverMiB.toFixed(1)}`);
  }
  const late = await repeat(Math.min(samples, 10), () => projects.createAndDelete());
  line(`create → first 200 beside ${running} others, ms`, `${ms(late, 50)}  ${ms(late, 95)}   ${factor(late, lowest)}`);
  const listed = await repeat(samples, () => timed(async () => void (await api.list())));
  line(`list ${running} projects by the API, ms`, `${ms(listed, 50)}  ${ms(listed, 95)}`);
  const shown = await repeat(samples, () => timed(async () => void (await (await fetch(`${server.url}/`)).text())));
  line(`the page of ${running} projects, ms`, `${ms(shown, 50)}  ${ms(shown, 95)}`);

  heading(`GET /rest/v1 of one row by its key, requests per second, beside ${running - 1} idle projects`);
  return rest(projects, first);
}

/** Answers how many requests per second it took. */
async function rest(projects: Projects, project: Project): Promise<number> {
  const { server } = projects;
  const row = await prepareRow(projects, project);
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
  const floorPerSecond = await pgbench(statements, row.uri);
  line(`floor: pgbench, ${CONNECTIONS} connections, the same statement`, floorPerSecond.toFixed(0));
  // What REST itself does: all of it in one round trip, over the unix socket.
  const socket = new URL(row.uri);
  const args = postmasterArguments(join(server.dataDir, 'clusters/projects', project.ref));
  const directory = args.map((arg) => /^unix_socket_directories="(.*)"$/.exec(arg)?.[1]).find(Boolean);
  socket.searchParams.set('host', directory ?? '');
  const lowest = await pgbench(`\\startpipeline\n${statements}\\endpipeline\n`, socket.href);
  line('the same in one round trip over the unix socket', lowest.toFixed(0));

  const perSecond = await readsPerSecond(row);
  line(`wrk, ${CONNECTIONS} connections`, `${perSecond.toFixed(0)}   ${percent(perSecond, floorPerSecond)} of the floor, ${percent(perSecond, lowest)} of one round trip`);
  return perSecond;
}
