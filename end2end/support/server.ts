import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, createWriteStream, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const root = resolve(import.meta.dirname, '../..');
const START_MS = 60_000;
const STOP_MS = 30_000;

/** Where screenshots, figures and server logs of this run go. */
export const artefacts = resolve(import.meta.dirname, '../artefacts');

/** The built release; `make browser` says where it is. */
export const binary = process.env.SUPACLOUD_BINARY ?? join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'release/supacloud');

export interface ServerOptions {
  /** Names the log file. */
  name: string;
  env?: Record<string, string>;
  /** Keeps the data folder of an earlier server. */
  dataDir?: string;
  /** A free one, unless said. */
  port?: number;
}

/** The real server, as a process of its own, with a data folder of its own. */
export class Server {
  readonly port: number;
  /** The dashboard and the Management API, without a trailing slash. */
  readonly url: string;
  readonly dataDir: string;
  readonly #home: string | undefined;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, url: string, port: number, dataDir: string, home: string | undefined) {
    this.#process = process;
    this.url = url;
    this.port = port;
    this.dataDir = dataDir;
    this.#home = home;
  }

  /** Starts it, and waits for the line that says where it listens. */
  static async start(options: ServerOptions): Promise<Server> {
    if (!existsSync(binary)) throw new Error(`There is no server at ${binary}: run make build`);
    // Not in a folder that only its owner may enter: as root, the clusters run as another user.
    const home = options.dataDir ? undefined : mkdtempSync(join(tmpdir(), 'supacloud-'));
    if (home) chmodSync(home, 0o755);
    const dataDir = options.dataDir ?? join(home!, 'data');
    mkdirSync(artefacts, { recursive: true });
    const log = createWriteStream(join(artefacts, `server-${options.name}.log`), { flags: 'a' });

    const child = spawn(binary, [], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C of the test run reaches it through stop() only.
      detached: true,
      env: {
        ...inherited(),
        SUPACLOUD_SERVER__LISTEN: `127.0.0.1:${options.port ?? 0}`,
        SUPACLOUD_SERVER__DATA_DIR: dataDir,
        ...options.env,
      },
    });
    const tail: string[] = [];
    const url = await new Promise<string>((found, failed) => {
      const fail = (why: string) => failed(new Error(`${why}; its last words:\n${tail.join('\n')}`));
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        fail(`the server did not listen within ${START_MS} ms`);
      }, START_MS);
      const read = (line: string) => {
        log.write(`${line}\n`);
        tail.push(line);
        if (tail.length > 20) tail.shift();
        const match = /supacloud listening on (http:\/\/\S+)/.exec(line);
        if (match?.[1]) {
          clearTimeout(timer);
          found(match[1].replace(/\/$/, ''));
        }
      };
      createInterface({ input: child.stdout }).on('line', read);
      createInterface({ input: child.stderr }).on('line', read);
      child.once('error', (error) => fail(`the server could not be started (${error.message})`));
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        fail(`the server ended at once (${signal ?? code})`);
      });
    });
    return new Server(child, url, Number(new URL(url).port), dataDir, home);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** The path form of a project's address, for clients that can't resolve `*.localhost`. */
  projectUrl(ref: string): string {
    return `${this.url}/p/${ref}`;
  }

  /** Ends it as Ctrl-C does, and checks that nothing of it is left. */
  async stop(): Promise<void> {
    const clean = await this.#signal('SIGINT', STOP_MS);
    if (!clean) await this.#signal('SIGKILL', STOP_MS);
    const left = processesIn(this.dataDir);
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    if (this.#home) rmSync(this.#home, { recursive: true, force: true });
    if (!clean) throw new Error(`the server did not stop within ${STOP_MS} ms of SIGINT`);
    if (left.length > 0) throw new Error(`the server left processes behind: ${left.map(({ pid, what }) => `${pid} ${what}`).join('; ')}`);
    if (this.#process.exitCode !== 0) throw new Error(`the server ended with ${this.#process.exitCode ?? this.#process.signalCode}`);
  }

  /** Ends it without a chance to tidy up. Its data folder stays. */
  async kill(): Promise<void> {
    await this.#signal('SIGKILL', STOP_MS);
  }

  async #signal(signal: 'SIGINT' | 'SIGKILL', withinMs: number): Promise<boolean> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return true;
    const ended = once(this.#process, 'exit', { signal: AbortSignal.timeout(withinMs) });
    this.#process.kill(signal);
    return ended.then(
      () => true,
      () => false,
    );
  }
}

/** Our environment without settings of whoever runs the tests: each server has its own. */
function inherited(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(SUPACLOUD_|LEPTOS_|DATABASE_URL$)/.test(name)));
}

/** Processes that were started with the folder in their command line, or that work in it. */
export function processesIn(folder: string): { pid: number; what: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        let cwd = '';
        try {
          cwd = readlinkSync(`/proc/${name}/cwd`);
        } catch {
          // Another user's process, or one that has just ended.
        }
        return command.includes(folder) || cwd.startsWith(folder) ? [{ pid: Number(name), what: command }] : [];
      } catch {
        return [];
      }
    });
}
