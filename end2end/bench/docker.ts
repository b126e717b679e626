import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Project } from '../support/api.ts';
import { Server } from '../support/server.ts';
import { ContainerFloor, type Parts } from './container-floor.ts';
import { Engine, type Label } from './engine.ts';
import { factor, heading, inTurns, line, ms, parts, percent, percentile } from './figures.ts';
import { interrupted } from './interrupted.ts';
import { atRest, MEBIBYTE, type Memory, openConnections, pss } from './memory.ts';
import { Projects } from './projects.ts';
import { PASSWORD, prepareRow, readsPerSecond } from './rest.ts';

/** Longest time until the first project, for which images are built. */
const BUILD_MS = 20 * 60_000;
/** Longest time until a running project has other limits. */
const RESIZE_MS = 30_000;
/** Between two questions whether a project answers; and where ten ask at once, who would take a processor from the engine. */
const PAUSE_MS = 5;
const PAUSE_OF_MANY_MS = 50;
/** So many are made at once, and so often; so many idle ones are measured. */
const AT_ONCE = 10;
const ROUNDS = 3;
/** Before so many are made: those of before may still be looked at. */
const SETTLE_MS = 5000;
/** The floor takes its own from the other half. */
const ADDRESS_POOL = '10.223.0.0/17';

/**
 * Measures a server whose projects are containers, beside the engine itself. `localReads` are the local driver's requests
 * per second. Without an engine, says so. Whatever it makes on the engine is removed at its end.
 */
export async function docker(samples: number, localReads: number | undefined): Promise<void> {
  const engine = await Engine.find();
  if (typeof engine === 'string') {
    heading('Docker driver: skipped');
    line('no engine can be reached', engine);
    return;
  }
  const { SUPACLOUD_PROVISIONER__DOCKER__NODE: node } = process.env;
  const server = await Server.start({
    name: 'bench-docker',
    env: {
      SUPACLOUD_PROVISIONER__DRIVER: 'docker',
      SUPACLOUD_PROVISIONER__DOCKER__ADDRESS_POOL: ADDRESS_POOL,
      ...(node && { SUPACLOUD_PROVISIONER__DOCKER__NODE: node }),
    },
  });
  const own: Label = `supacloud.bench=${randomBytes(6).toString('hex')}`;
  const labels = [own];
  try {
    // By the second line of this file the server knows its own things.
    const installation: Label = `supacloud.installation=${readFileSync(join(server.dataDir, 'node'), 'utf8').split('\n')[1]}`;
    labels.push(installation);
    await Promise.race([interrupted(), measure(new Projects(server, PAUSE_MS), engine, { installation, own, samples, localReads })]);
  } finally {
    try {
      await server.stop();
    } finally {
      await engine.removeAll(labels);
    }
  }
}

interface Run {
  installation: Label;
  own: Label;
  samples: number;
  localReads: number | undefined;
}

async function measure(projects: Projects, engine: Engine, run: Run): Promise<void> {
  const { api } = projects;
  heading('Docker driver: create and resume, milliseconds (p50, p95); the first create builds images and is not measured');
  const first = await api.create({ name: 'first', db_pass: PASSWORD }, BUILD_MS);
  const floor = await ContainerFloor.prepare(engine, run.own, `supacloud-${first.ref}-postgres`, run.installation);
  const memoryOfOne = await idleMemory(projects, engine, [first]);
  const start = await floor.resumable();
  const resume = await inTurns(run.samples, { floor: start, ours: () => projects.resume(first) });

  // Nothing is removed before everything is timed: an ext4 without a journal does not use the inodes of removed files again
  // for minutes, and searches past all of them for each file that is made (`recently_deleted` in fs/ext4/ialloc.c).
  const made: Project[] = [];
  const [floorParts, steps]: [Parts[], Parts[]] = [[], []];
  const create = await inTurns(run.samples, {
    floor: async () => {
      const { took, parts } = await floor.create();
      floorParts.push(parts);
      return took;
    },
    ours: async () => {
      const { project, took } = await projects.create();
      made.push(project);
      steps.push(await stepsOf(projects, project));
      return took;
    },
  });
  line('floor: clone the template, network, start, select 1', `${ms(create.floor, 50)}  ${ms(create.floor, 95)}`);
  line('  of it (network beside the copy)', parts(floorParts));
  line('create → first 200 from /rest/v1', `${ms(create.ours, 50)}  ${ms(create.ours, 95)}   ${factor(create.ours, create.floor)}`);
  line('  of it', parts(steps));
  line('floor: start the stopped container, select 1', `${ms(resume.floor, 50)}  ${ms(resume.floor, 95)}`);
  line('resume → first 200 from /rest/v1', `${ms(resume.ours, 50)}  ${ms(resume.ours, 95)}   ${factor(resume.ours, resume.floor)}`);
  line('  beside the floor of a create', factor(resume.ours, create.floor));

  const many = new Projects(projects.server, PAUSE_OF_MANY_MS);
  const atOnce = await inTurns(ROUNDS, {
    floor: async () => {
      await delay(SETTLE_MS);
      return floor.createAtOnce(AT_ONCE);
    },
    ours: async () => {
      await delay(SETTLE_MS);
      const start = performance.now();
      const created = await Promise.all(Array.from({ length: AT_ONCE }, () => many.create()));
      const took = performance.now() - start;
      made.push(...created.map(({ project }) => project));
      return took;
    },
  });
  line(`floor: ${AT_ONCE} at once, until all answer`, `${ms(atOnce.floor, 50)}`);
  line(
    `${AT_ONCE} creates at once, until all answer`,
    `${ms(atOnce.ours, 50)}   ${(percentile(atOnce.ours, 50) / percentile(atOnce.floor, 50)).toFixed(2)} × the floor’s`,
  );

  heading('Docker driver: idle memory, MiB (containers by their cgroup without inactive file; processes by PSS)');
  await floor.removeAll();
  const others = made.splice(0, AT_ONCE - 1);
  for (const { ref } of made) await api.delete(ref);
  const all = [first, ...others];
  for (const memory of [memoryOfOne, await idleMemory(projects, engine, all)]) {
    line(
      `${memory.projects} running`,
      `${memory.projectMiB.toFixed(1)} a project (${memory.byService}), engine’s processes ${memory.engineMiB.toFixed(1)} a project, server ${memory.serverMiB.toFixed(1)}`,
    );
  }

  heading(`Docker driver: GET /rest/v1 of one row by its key, requests per second, beside ${others.length} idle projects`);
  const row = await prepareRow(projects, first);
  const figure = (reads: number) =>
    `${reads.toFixed(0)}${run.localReads ? `   ${percent(reads, run.localReads)} of the local driver’s` : ''}`;
  line('nano: half a processor for each container', figure(await readsPerSecond(row)));
  await resize(projects, engine, first, 'ci_large');
  line('large: two processors for each container', figure(await readsPerSecond(row)));
}

/** How long each step of a create took, by the project's events. */
async function stepsOf({ api }: Projects, { ref }: Project): Promise<Parts> {
  const steps: Parts = {};
  const stop = new AbortController();
  const response = await api.fetch(`/v1/projects/${ref}/events`, { signal: stop.signal });
  let text = '';
  const decoder = new TextDecoder();
  for (const reader = response.body!.getReader(); !('publish' in steps); ) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the events of ${ref} ended early`);
    text += decoder.decode(value, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const data = /^data: ?(.*)$/m.exec(event)?.[1];
      const { kind, step, duration_ms: took } = JSON.parse(data ?? '{}') as { kind?: string; step?: string; duration_ms?: number };
      if (kind === 'step_finished' && step) steps[step] = took ?? 0;
    }
  }
  stop.abort();
  return steps;
}

interface ContainerMemory extends Memory {
  projects: number;
  /** Shims and proxies of ports, which the engine runs for each container. */
  engineMiB: number;
  byService: string;
}

interface Listed {
  Id: string;
  Labels: Record<string, string>;
  NetworkSettings: { Networks: Record<string, { IPAddress: string }> };
}

async function idleMemory({ server }: Projects, engine: Engine, projects: Project[]): Promise<ContainerMemory> {
  const containers: Listed[] = [];
  for (const { ref } of projects) {
    const filters = encodeURIComponent(JSON.stringify({ label: [`supacloud.project=${ref}`] }));
    containers.push(...(await engine.get<Listed[]>(`/containers/json?filters=${filters}`)));
  }
  return atRest(async () => {
    const byService = new Map<string, number>();
    let connections = 0;
    for (const { Id, Labels } of containers) {
      const service = Labels['supacloud.component'] ?? '';
      byService.set(service, (byService.get(service) ?? 0) + (await memoryOf(engine, Id)));
      if (service !== 'postgres') continue;
      const { Processes: processes } = await engine.get<{ Processes: string[][] }>(`/containers/${Id}/top?ps_args=-o%20pid,args`);
      connections += openConnections(processes.map((columns) => columns.at(-1) ?? ''));
    }
    const each = (bytes: number) => bytes / projects.length / MEBIBYTE;
    return {
      connections,
      projects: projects.length,
      serverMiB: pss(server.pid) / MEBIBYTE,
      projectMiB: each([...byService.values()].reduce((sum, bytes) => sum + bytes, 0)),
      engineMiB: each(processesFor(containers).reduce((sum, pid) => sum + pss(pid), 0)),
      byService: [...byService].map(([service, bytes]) => `${service} ${each(bytes).toFixed(1)}`).join(', '),
    };
  });
}

/** What the container's processes use, without what the kernel merely remembers of files; in bytes. */
async function memoryOf(engine: Engine, id: string): Promise<number> {
  const { memory_stats: memory } = await engine.get<{ memory_stats: { usage?: number; stats?: Record<string, number> } }>(
    `/containers/${id}/stats?stream=false&one-shot=true`,
  );
  return (memory.usage ?? 0) - (memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0);
}

/** Processes that the engine has for the containers: they have its id, or its address, in their command line. */
function processesFor(containers: Listed[]): number[] {
  const words = new Set(containers.flatMap(({ Id, NetworkSettings }) => [
    Id,
    ...Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress),
  ]));
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return /shim|docker-proxy/.test(command[0] ?? '') && command.some((word) => words.has(word)) ? [Number(pid)] : [];
    } catch {
      return []; // It has ended.
    }
  });
}

async function resize({ api }: Projects, engine: Engine, { ref }: Project, variant: string): Promise<void> {
  const limits = async () => {
    const container = async (service: string) => engine.get<{ HostConfig: { NanoCpus: number } }>(`/containers/supacloud-${ref}-${service}/json`);
    return Promise.all(['postgres', 'node'].map(async (service) => (await container(service)).HostConfig.NanoCpus));
  };
  const before = await limits();
  const response = await api.fetch(`/v1/projects/${ref}/billing/addons`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ addon_type: 'compute_instance', addon_variant: variant }),
  });
  if (!response.ok) throw new Error(`resize: ${response.status} ${await response.text()}`);
  const deadline = performance.now() + RESIZE_MS;
  while ((await limits()).some((limit, i) => limit === before[i])) {
    if (performance.now() > deadline) throw new Error(`${ref} never got the limits of ${variant}`);
    await delay(50); // It runs on meanwhile, and nothing tells.
  }
}
