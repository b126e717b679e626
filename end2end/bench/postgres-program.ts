import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The path of one of PostgreSQL's programs, of the newest version that has it. */
export function postgresProgram(name: string): string {
  const root = '/usr/lib/postgresql';
  const major = readdirSync(root).sort((a, b) => Number(b) - Number(a)).find((major) => existsSync(join(root, major, 'bin', name)));
  if (!major) throw new Error(`there is no ${name} under ${root}`);
  return join(root, major, 'bin', name);
}
