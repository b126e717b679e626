import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { processesIn } from '../support/server.ts';
import { selectOne } from './select-one.ts';

const run = promisify(execFile);

/**
 * What no implementation on this machine can beat: clone the prepared template, start PostgreSQL on the clone with the
 * very settings a project runs with, `select 1`. Milliseconds, one per try. A project must be running in `dataDir`: its
 * postmaster's command line is the pattern.
 */
export async function floor(dataDir: string, tries: number): Promise<number[]> {
  const template = findTemplate(dataDir);
  const pattern = postmasterArguments(dataDir);
  const owner = statSync(template);
  const home = join(dataDir, '..', 'floor');
  mkdirSync(home, { mode: 0o755 });
  const samples: number[] = [];
  for (let i = 0; i < tries; i++) {
    const data = join(home, `data-${i}`);
    const socket = join(home, `s${i}`);
    mkdirSync(socket, { mode: 0o700 });
    chownSync(socket, owner.uid, owner.gid);

    const start = performance.now();
    await run('cp', ['-a', '--reflink=auto', template, data]);
    writeFileSync(join(data, 'pg_hba.conf'), 'local all all trust\n');
    const [program, ...settings] = relocate(pattern, data, socket);
    const postmaster = spawn(program!, settings, { cwd: data, stdio: 'ignore', uid: owner.uid, gid: owner.gid });
    await selectOne({ path: join(socket, '.s.PGSQL.5432') }, () => postmaster.exitCode !== null);
    samples.push(performance.now() - start);

    postmaster.kill('SIGINT');
    await once(postmaster, 'exit');
    rmSync(data, { recursive: true, force: true });
  }
  rmSync(home, { recursive: true, force: true });
  return samples;
}

/** The newest data directory that no project lives in. */
function findTemplate(dataDir: string): string {
  const templates = readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
    .filter((path) => /template/.test(path) && path.endsWith('/PG_VERSION') && !path.includes('/base/'))
    .map((path) => join(dataDir, path, '..'));
  const newest = templates.sort((a, b) => lstatSync(b).mtimeMs - lstatSync(a).mtimeMs)[0];
  if (!newest) throw new Error(`no template in ${dataDir}`);
  return newest;
}

/** Of a cluster that works in the folder. */
export function postmasterArguments(dataDir: string): string[] {
  for (const { pid } of processesIn(dataDir)) {
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    if (args[0]?.endsWith('/postgres') && args.includes('-D')) return args;
  }
  throw new Error(`no postmaster works in ${dataDir}`);
}

/** The same command line, for another directory, socket and no port that could clash. */
function relocate(args: string[], data: string, socket: string): string[] {
  const relocated = [...args];
  relocated[relocated.indexOf('-D') + 1] = data;
  const drop = /^(--|-c)?\s*(unix_socket_directories|listen_addresses|hba_file|port)=/;
  const kept: string[] = [];
  for (let i = 0; i < relocated.length; i++) {
    const arg = relocated[i]!;
    const next = relocated[i + 1];
    if (arg === '-c' && next && drop.test(`-c ${next}`)) i++;
    else if ((arg === '-k' || arg === '-p' || arg === '-h') && next !== undefined) i++;
    else if (!drop.test(arg)) kept.push(arg);
  }
  return [...kept, '-k', socket, '-c', 'listen_addresses='];
}
