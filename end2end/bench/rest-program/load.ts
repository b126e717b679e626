/** The ways to load a service: as fast as it goes, and at a fixed rate. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Place, type Question, questions, requestBytes, type Scenario } from './scenarios.ts';

const run = promisify(execFile);

/** Times are in milliseconds. */
export interface Answers {
  requests: number;
  perSecond: number;
  p50: number;
  p99: number;
  /** Those that were not as they should be, by their status. */
  failed: Record<string, number>;
}

/** When the next request is sent; see load.rs. */
export type Pace = number | 'closed' | 'once' | `chain=${string}`;

/** Times are in microseconds. */
interface Said {
  requests: number;
  microseconds: number;
  p50: number;
  p99: number;
}

export class Load {
  readonly #home: string;
  readonly #program: string;
  #files = 0;

  private constructor(home: string, program: string) {
    this.#home = home;
    this.#program = program;
  }

  /** Compiles what is not there to be installed; see load.rs. */
  static async make(home: string): Promise<Load> {
    const program = join(home, 'load');
    const source = resolve(import.meta.dirname, '../../../data-plane/rest/examples/load.rs');
    await run('rustc', ['-O', '--edition', '2024', '-o', program, source]);
    return new Load(home, program);
  }

  /** Every connection sends its next request as soon as it has its answer. */
  async closed(place: Place, scenario: Scenario, connections: number, seconds: number): Promise<Answers> {
    const script = join(import.meta.dirname, 'wrk.lua');
    const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', script];
    const file = this.#file(requestBytes(place, questions(scenario)));
    const { stdout } = await run('wrk', [...options, `http://127.0.0.1:${place.port}`, '--', file]);
    const said: Said & { failed: number } = JSON.parse(stdout.trim().split('\n').at(-1)!);
    return whole(answers(said, said.failed > 0 ? { failed: said.failed } : {}));
  }

  /** Requests come at a fixed rate, however long the answers take. */
  async open(place: Place, scenario: Scenario, perSecond: number, connections: number, seconds: number): Promise<Answers> {
    return { ...whole(await this.send(place, questions(scenario), perSecond, connections, seconds)), perSecond };
  }

  /** `status`: what every answer has to have, if it is none of those that mean that all is well. */
  async send(place: Place, asked: Question[], pace: Pace, connections: number, seconds: number, status?: number): Promise<Answers> {
    const args = [`127.0.0.1:${place.port}`, this.#file(requestBytes(place, asked)), `${pace}`, `${connections}`, `${seconds}`];
    const { stdout } = await run(this.#program, args, { timeout: 30_000 + seconds * 10_000 });
    const said: Said & { statuses: Record<string, number> } = JSON.parse(stdout);
    const isBad = (found: string) => (status ? Number(found) !== status : Number(found) >= 300);
    return answers(said, Object.fromEntries(Object.entries(said.statuses).filter(([found]) => isBad(found))));
  }

  /** One for each call: several may run at once. */
  #file(requests: Buffer): string {
    const file = join(this.#home, `requests-${this.#files++ % 4}`);
    writeFileSync(file, requests);
    return file;
  }
}

function answers({ requests, microseconds, p50, p99 }: Said, failed: Record<string, number>): Answers {
  return { requests, perSecond: (requests / microseconds) * 1e6, p50: p50 / 1000, p99: p99 / 1000, failed };
}

/** If none failed. */
export function whole(answers: Answers): Answers {
  const { requests, failed } = answers;
  const counts = Object.entries(failed).map(([status, count]) => `${count} ${status}`);
  if (requests === 0 || counts.length > 0) throw new Error(`of ${requests} requests failed: ${counts.join(', ') || 'all'}`);
  return answers;
}
