/** The program `auth` by itself, over a database of its own. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { binary } from '../../support/server.ts';
import { type Cluster, freePort } from '../rest-program/cluster.ts';
import { Service, start } from '../rest-program/service.ts';

const run = promisify(execFile);

export const SECRET = 'what-the-benchmark-signs-its-tokens-with';
const OWNER = 'supabase_auth_admin';
const ROLES = `
create role anon nologin; create role authenticated nologin; create role service_role nologin bypassrls;
create role ${OWNER} login noinherit createrole;
`;

/** An empty one, which the program makes its tables in. */
export async function makeDatabase(cluster: Cluster, database: string): Promise<void> {
  await cluster.sql('postgres', `${ROLES} create database ${database} owner ${OWNER};`);
}

/**
 * With the settings of a fresh project, but that addresses count as confirmed at once, as those of the peer do; and that nobody
 * is limited by address: all come from one.
 */
export async function startAuth(cluster: Cluster, database: string, connections: number): Promise<Service> {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const env = {
    API_EXTERNAL_URL: address,
    GOTRUE_SITE_URL: 'http://localhost:3000',
    GOTRUE_JWT_SECRET: SECRET,
    GOTRUE_JWT_AUD: 'authenticated',
    GOTRUE_MAILER_AUTOCONFIRM: 'true',
    GOTRUE_API_HOST: '127.0.0.1',
    PORT: `${port}`,
    DATABASE_URL: cluster.uri(OWNER, database),
    GOTRUE_DB_MAX_POOL_SIZE: `${connections}`,
  };
  const service = new Service(start('bench-auth', programBeside('auth'), [], { cwd: '/', env }), { port, root: '' });
  await service.untilReady(`${address}/health`).catch(async (error) => {
    await service.stop();
    throw error;
  });
  return service;
}

export interface Hashes {
  cost: number;
  threads: number;
  /** Comparisons per second by one thread while the others rest, */
  alone: number;
  /** and by all of them. */
  together: number;
  /** Of the processor, for each. */
  milliseconds: number;
}

/** What sign-ins are bound by: the comparisons of passwords that the program's own hasher makes with nothing else to do. */
export async function hashes(seconds: number): Promise<Hashes> {
  return JSON.parse((await run(programBeside('hashes'), [`${seconds}`])).stdout);
}

function programBeside(name: string): string {
  const program = join(dirname(binary), name);
  if (!existsSync(program)) throw new Error(`There is no ${program}: run make bench`);
  return program;
}
