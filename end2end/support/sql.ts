import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

function psqlPath(): string {
  const major = existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a)).find((major) => existsSync(`/usr/lib/postgresql/${major}/bin/psql`))
    : undefined;
  return major ? `/usr/lib/postgresql/${major}/bin/psql` : 'psql';
}

/** Runs SQL by psql, as a person would with the connection string from the project's page. */
export async function psql(uri: string, sql: string): Promise<string> {
  const { stdout } = await run(psqlPath(), ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-c', sql, uri], {
    env: { PATH: process.env.PATH, PGCONNECT_TIMEOUT: '10' },
    timeout: 30_000,
  });
  return stdout.trim();
}

/** A table as one finds it in most tutorials: anyone may read what is public, nobody else anything. */
export const TODOS = `
  create table public.todos (
    id bigint generated always as identity primary key,
    title text not null,
    done boolean not null default false,
    is_public boolean not null default true
  );
  alter table public.todos enable row level security;
  create policy "public todos are readable" on public.todos for select to anon, authenticated using (is_public);
  insert into public.todos (title, is_public) values ('Write the readme', true), ('Ship it', true), ('Secret plan', false);
`;
