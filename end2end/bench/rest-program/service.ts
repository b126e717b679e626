import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { artefacts, binary } from '../../support/server.ts';
import { type Cluster, freePort } from './cluster.ts';
import type { Place } from './scenarios.ts';

/** Longest time to start or to end. */
const PATIENCE_MS = 60_000;

/** A process that answers HTTP. */
export class Service {
  readonly place: Place;
  readonly #process: ChildProcess;

  constructor(process: ChildProcess, place: Place) {
    this.#process = process;
    this.place = place;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** Waits until it answers 200 there. */
  async untilReady(url: string): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline) {
      if (this.#ended()) throw new Error(`it ended at once; see ${artefacts}`);
      const status = await fetch(url).then(
        async (response) => (await response.arrayBuffer(), response.status),
        () => undefined, // It does not listen yet.
      );
      if (status === 200) return;
      await delay(20);
    }
    throw new Error(`${url} never answered 200; see ${artefacts}`);
  }

  async stop(): Promise<void> {
    if (this.#ended()) return;
    const ended = once(this.#process, 'exit', { signal: AbortSignal.timeout(PATIENCE_MS) });
    this.#process.kill('SIGTERM');
    await ended.catch(() => this.#process.kill('SIGKILL'));
  }

  #ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}

/** Starts a process whose words go to a file. Ctrl-C reaches it by whoever stops it only. */
export function start(name: string, program: string, args: string[], options: { cwd: string; env: NodeJS.ProcessEnv }): ChildProcess {
  mkdirSync(artefacts, { recursive: true });
  const log = openSync(join(artefacts, `${name}.log`), 'a');
  return spawn(program, args, { ...options, stdio: ['ignore', log, log], detached: true });
}

/** The program `rest` by itself, ready but not asked anything yet. */
export async function startRest(cluster: Cluster, database: string, connections: number): Promise<Service> {
  const program = join(dirname(binary), 'rest');
  if (!existsSync(program)) throw new Error(`There is no ${program}: run make build`);
  const [port, admin] = [await freePort(), await freePort()];
  const env = {
    PGRST_DB_URI: cluster.uri('authenticator', database),
    PGRST_DB_ANON_ROLE: 'anon',
    PGRST_DB_POOL: `${connections}`,
    PGRST_SERVER_HOST: '127.0.0.1',
    PGRST_SERVER_PORT: `${port}`,
    PGRST_ADMIN_SERVER_PORT: `${admin}`,
  };
  const service = new Service(start('bench-rest', program, [], { cwd: '/', env }), { port, root: '' });
  await service.untilReady(`http://127.0.0.1:${admin}/ready`).catch(async (error) => {
    await service.stop();
    throw error;
  });
  return service;
}
