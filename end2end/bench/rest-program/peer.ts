/**
 * The peer: `@supabase/lite`, which speaks the same protocol in TypeScript, with either of the databases that it has: its own
 * SQLite, and the same PostgreSQL.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { promisify } from 'node:util';
import { freePort } from './cluster.ts';
import { data, TABLES } from './scenarios.ts';
import { Service, start } from './service.ts';

const run = promisify(execFile);
const program = resolve(import.meta.dirname, '../peer/node_modules/.bin/lite');
const ROOT = '/rest/v1';
/** A row that is not there. */
const CHECK = '/customers?select=id&id=eq.0';

export type PeerDatabase = { driver: 'sqlite-postgres' } | { driver: 'postgres'; uri: string };

/** Starts it with the data; in PostgreSQL it has to be there. */
export async function startPeer(home: string, name: string, database: PeerDatabase): Promise<Service> {
  if (!existsSync(program)) throw new Error(`There is no ${program}: run ./setup.sh bench`);
  const folder = join(home, name);
  mkdirSync(join(folder, 'supabase/migrations'), { recursive: true });
  const port = await freePort();
  const uri = database.driver === 'postgres' ? database.uri : 'file:./supabase/data.db';
  const config = `[api]\nport = ${port}\n[db]\ndriver = "${database.driver}"\nurl = "${uri}"\n[auth]\nenabled = false\n`;
  writeFileSync(join(folder, 'supabase/config.toml'), config);
  const options = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, NODE_ENV: 'production', DO_NOT_TRACK: '1' } };
  if (database.driver === 'sqlite-postgres') {
    writeFileSync(join(folder, 'supabase/migrations/20250101000000_tables.sql'), TABLES);
    await run(process.execPath, [program, 'migration', 'up'], options);
    fill(join(folder, 'supabase/data.db'));
  }
  // It would take requests without a key for the owner's otherwise.
  const service = new Service(start(`bench-${name}`, process.execPath, [program, 'start', '--no-admin'], options), { port, root: ROOT });
  await service.untilReady(`http://127.0.0.1:${port}${ROOT}${CHECK}`).catch(async (error) => {
    await service.stop();
    throw error;
  });
  return service;
}

/** Writes the data past it: it takes a few rows at a time only. It keeps the values as they are in JSON. */
function fill(file: string): void {
  const database = new DatabaseSync(file);
  database.exec('begin');
  for (const { table, rows } of data()) {
    const names = Object.keys(rows[0]!);
    const insert = database.prepare(`insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`);
    for (const row of rows) insert.run(...names.map((name) => row[name] as SQLInputValue));
  }
  database.exec('commit');
  database.close();
}
