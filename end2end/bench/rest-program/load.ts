/** The two ways to load a service: as fast as it goes, and at a fixed rate. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Place, requestFile, type Scenario } from './scenarios.ts';

const run = promisify(execFile);

/** Times are in milliseconds. */
export interface Answers {
  requests: number;
  perSecond: number;
  p50: number;
  p99: number;
}

interface Said {
  requests: number;
  failed: number;
  /** Microseconds. */
  p50: number;
  p99: number;
}

export class Load {
  readonly #home: string;
  readonly #openLoop: string;

  private constructor(home: string, openLoop: string) {
    this.#home = home;
    this.#openLoop = openLoop;
  }

  /** Compiles what is not there to be installed; see open_loop.rs. */
  static async make(home: string): Promise<Load> {
    const program = join(home, 'open_loop');
    const source = resolve(import.meta.dirname, '../../../data-plane/rest/examples/open_loop.rs');
    await run('rustc', ['-O', '--edition', '2024', '-o', program, source]);
    return new Load(home, program);
  }

  /** Every connection sends its next request as soon as it has its answer. */
  async closed(place: Place, scenario: Scenario, connections: number, seconds: number): Promise<Answers> {
    const script = join(import.meta.dirname, 'wrk.lua');
    const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', script];
    const { stdout } = await run('wrk', [...options, `http://127.0.0.1:${place.port}`, '--', this.#file(place, scenario)]);
    const said: Said & { microseconds: number } = JSON.parse(stdout.trim().split('\n').at(-1)!);
    return { perSecond: (said.requests / said.microseconds) * 1e6, ...checked(said) };
  }

  /** Requests come at a fixed rate, however long the answers take. */
  async open(place: Place, scenario: Scenario, perSecond: number, connections: number, seconds: number): Promise<Answers> {
    const args = [`127.0.0.1:${place.port}`, this.#file(place, scenario), `${perSecond}`, `${connections}`, `${seconds}`];
    const { stdout } = await run(this.#openLoop, args, { timeout: 30_000 + seconds * 10_000 });
    return { perSecond, ...checked(JSON.parse(stdout)) };
  }

  #file(place: Place, scenario: Scenario): string {
    const file = join(this.#home, 'requests');
    writeFileSync(file, requestFile(place, scenario));
    return file;
  }
}

function checked({ requests, failed, p50, p99 }: Said): Omit<Answers, 'perSecond'> {
  if (failed > 0 || requests === 0) throw new Error(`${failed} of ${requests} requests failed`);
  return { requests, p50: p50 / 1000, p99: p99 / 1000 };
}
