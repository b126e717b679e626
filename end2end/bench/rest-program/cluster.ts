import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chownSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { postgresProgram } from '../postgres-program.ts';
import { selectOne } from '../select-one.ts';

const run = promisify(execFile);

/** Who may do everything. The name is the one that selectOne uses. */
const OWNER = 'supabase_admin';

/** As projects have it; otherwise PostgreSQL's own defaults, fsync included. */
const SETTINGS = `
jit = off
logging_collector = on
log_destination = 'jsonlog'
log_directory = 'log'
log_filename = 'bench'
log_rotation_size = 0
log_rotation_age = 0
max_locks_per_transaction = 512
`;

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A PostgreSQL cluster of its own, in which everybody on this machine is trusted. */
export class Cluster {
  readonly port: number;
  readonly socket: string;
  readonly #data: string;
  readonly #postmaster: ChildProcess;

  private constructor(postmaster: ChildProcess, data: string, socket: string, port: number) {
    this.#postmaster = postmaster;
    this.#data = data;
    this.socket = socket;
    this.port = port;
  }

  /** In a folder that the user `postgres` may enter: as root, it runs as that one. */
  static async start(home: string): Promise<Cluster> {
    const user = process.getuid?.() === 0 ? idsOf('postgres') : undefined;
    const [data, socket] = [join(home, 'cluster'), join(home, 'socket')];
    for (const folder of [data, socket]) {
      mkdirSync(folder, { mode: 0o700 });
      if (user) chownSync(folder, user.uid, user.gid);
    }
    const initdb = ['-D', data, '-U', OWNER, '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-instructions'];
    await run(postgresProgram('initdb'), initdb, { cwd: data, ...user });
    appendFileSync(join(data, 'postgresql.conf'), SETTINGS);
    const port = await freePort();
    const options = ['-D', data, '-k', socket, '-h', '127.0.0.1', '-p', `${port}`];
    const postmaster = spawn(postgresProgram('postgres'), options, { cwd: data, stdio: 'ignore', detached: true, ...user });
    await selectOne({ path: join(socket, `.s.PGSQL.${port}`) }, () => postmaster.exitCode !== null);
    return new Cluster(postmaster, data, socket, port);
  }

  get pid(): number {
    return this.#postmaster.pid!;
  }

  /** The lines that it has written to its log. */
  log(): { pid: number; message: string; detail?: string; vxid?: string }[] {
    const lines = readFileSync(join(this.#data, 'log/bench.json'), 'utf8').split('\n');
    return lines.slice(0, -1).map((line) => JSON.parse(line));
  }

  /** For a service on this machine. */
  uri(user: string, database: string): string {
    return `postgresql://${user}@/${database}?host=${encodeURIComponent(this.socket)}&port=${this.port}`;
  }

  /** Of the one who may do everything, for clients that know nothing of sockets. */
  addressUri(database: string): string {
    return `postgresql://${OWNER}@127.0.0.1:${this.port}/${database}`;
  }

  async sql(database: string, text: string): Promise<void> {
    const asking = run(postgresProgram('psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', this.uri(OWNER, database)]);
    asking.child.stdin!.end(text);
    await asking;
  }

  /** Transactions per second. */
  async pgbench(options: string[], database: string): Promise<number> {
    const { stdout } = await run(postgresProgram('pgbench'), ['-n', '-M', 'prepared', ...options, this.uri('authenticator', database)]);
    const perSecond = Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
    if (!(perSecond > 0) || /aborted/.test(stdout)) throw new Error(stdout);
    return perSecond;
  }

  /** At once, because nobody needs its data any more. */
  async stop(): Promise<void> {
    if (this.#postmaster.exitCode !== null || this.#postmaster.signalCode !== null) return;
    const ended = once(this.#postmaster, 'exit');
    this.#postmaster.kill('SIGQUIT');
    await ended;
  }
}

function idsOf(user: string): { uid: number; gid: number } {
  const id = (option: string) => Number(execFileSync('id', [option, user], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
