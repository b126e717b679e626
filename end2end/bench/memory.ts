import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from '../support/server.ts';
import { processesIn } from '../support/server.ts';

export const MEBIBYTE = 1024 * 1024;

/** Proportional set size of a process in bytes: what it has alone, and its share of what it has with others. */
export function pss(pid: number): number {
  try {
    const kilobytes = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0; // It has ended.
  }
}

export interface Memory {
  serverMiB: number;
  projectMiB: number;
}

/** Connections that services have open, as the database's process titles show them. */
export function openConnections(titles: string[]): number {
  return titles.filter((title) => /^postgres: .* authenticator /.test(title)).length;
}

/** Memory once it has come to rest: no project has a connection open any more, and the figure stands still. */
export async function atRest<Figures extends Memory>(
  measure: () => Figures & { connections: number } | Promise<Figures & { connections: number }>,
): Promise<Figures> {
  let last = await measure();
  let still = 0;
  for (let tries = 0; tries < 90 && still < 2; tries++) {
    await delay(2_000); // What is waited for is the absence of change; no event tells it.
    const now = await measure();
    still = now.connections === 0 && Math.abs(now.projectMiB - last.projectMiB) < last.projectMiB * 0.01 ? still + 1 : 0;
    last = now;
  }
  if (last.connections > 0) console.log(`  (${last.connections} connections never closed)`);
  return last;
}

/** Of projects that are processes of this machine. */
export async function idleMemory(server: Server, projects: number): Promise<Memory> {
  return atRest(() => {
    const others = processesIn(server.dataDir).filter(({ pid }) => pid !== server.pid);
    const clusters = others.reduce((sum, { pid }) => sum + pss(pid), 0);
    const connections = openConnections(others.map(({ what }) => what));
    return { connections, serverMiB: pss(server.pid) / MEBIBYTE, projectMiB: clusters / projects / MEBIBYTE };
  });
}
