/**
 * The peer: `@supabase/lite`, which speaks the same protocols in TypeScript, with either of the databases that it has: its own
 * SQLite, and the same PostgreSQL.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './rest-program/cluster.ts';
import { Service, start } from './rest-program/service.ts';

const run = promisify(execFile);
const program = resolve(import.meta.dirname, 'peer/node_modules/.bin/lite');

export type LiteDatabase = { driver: 'sqlite-postgres' } | { driver: 'postgres'; uri: string };

export interface LiteOptions {
  database: LiteDatabase;
  /** The lines of its configuration's part about Auth. */
  auth: string;
  /** The service that is asked, */
  root: string;
  /** and what answers 200 there as soon as it is ready; without the root. */
  check: string;
  /** In SQLite only: the tables, and what writes rows into the file. */
  tables?: string;
  fill?(file: string): void;
}

/** Where it has its database, if that is SQLite. */
export function sqliteFile(home: string, name: string): string {
  return join(home, name, 'supabase/data.db');
}

export async function startLite(home: string, name: string, { database, auth, root, check, tables, fill }: LiteOptions): Promise<Service> {
  if (!existsSync(program)) throw new Error(`There is no ${program}: run ./setup.sh bench`);
  const folder = join(home, name);
  mkdirSync(join(folder, 'supabase/migrations'), { recursive: true });
  const port = await freePort();
  const uri = database.driver === 'postgres' ? database.uri : 'file:./supabase/data.db';
  const config = `[api]\nport = ${port}\n[db]\ndriver = "${database.driver}"\nurl = "${uri}"\n[auth]\n${auth}\n`;
  writeFileSync(join(folder, 'supabase/config.toml'), config);
  const options = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, NODE_ENV: 'production', DO_NOT_TRACK: '1' } };
  if (database.driver === 'sqlite-postgres' && tables) {
    writeFileSync(join(folder, 'supabase/migrations/20250101000000_tables.sql'), tables);
    await run(process.execPath, [program, 'migration', 'up'], options);
    fill?.(sqliteFile(home, name));
  }
  // It would take requests without a key for the owner's otherwise.
  const service = new Service(start(`bench-${name}`, process.execPath, [program, 'start', '--no-admin'], options), { port, root });
  await service.untilReady(`http://127.0.0.1:${port}${root}${check}`).catch(async (error) => {
    await service.stop();
    throw error;
  });
  return service;
}
