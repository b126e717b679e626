/** Users beside the one who has signed up, each with a one-time token: written past the service, which would hash for an hour. */
import { DatabaseSync } from 'node:sqlite';
import type { Cluster } from '../rest-program/cluster.ts';
import { email, PATTERN, tokenHash } from './calls.ts';

/** How a database writes what differs. */
interface Dialect {
  table(name: string): string;
  id(of: string): string;
  now: string;
  /** Columns of users that only some have. */
  more: string[];
}

const POSTGRES: Dialect = {
  table: (name) => `auth.${name}`,
  id: (of) => `(lpad(to_hex(${of}), 8, '0') || '-0000-4000-8000-000000000000')::uuid`,
  now: 'now()',
  more: [],
};

const SQLITE: Dialect = {
  table: (name) => `"auth.${name}"`,
  id: (of) => `printf('%08x', ${of}) || '-0000-4000-8000-000000000000'`,
  now: `strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`,
  more: [],
};

/** In a database that is ours. */
export async function copyInOurs(cluster: Cluster, database: string, count: number): Promise<void> {
  const { id, table } = POSTGRES;
  // What the peer keeps in the users' rows only.
  const tokens = `insert into ${table('one_time_tokens')} (id, user_id, token_type, token_hash, relates_to)
    select ${id('n')}, ${id('n')}, 'recovery_token', ${text(tokenHash, 'n')}, ${text(email, 'n')} from generate_series(1, ${count}) n;`;
  await cluster.sql(database, `${copies({ ...POSTGRES, more: ['instance_id'] }, count)} ${tokens} vacuum analyze;`);
}

/** In a database of the peer's. */
export async function copyInPostgres(cluster: Cluster, database: string, count: number): Promise<void> {
  await cluster.sql(database, `${copies(POSTGRES, count)} vacuum analyze;`);
}

export function copyInSqlite(file: string, count: number): void {
  const database = new DatabaseSync(file);
  database.exec(`begin; ${copies(SQLITE, count)} commit;`);
  database.close();
}

function copies({ table, id, now, more }: Dialect, count: number): string {
  const numbers = `with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})`;
  const times = ['created_at', 'updated_at'];
  const same = ['aud', 'role', 'encrypted_password', 'email_confirmed_at', 'raw_app_meta_data', 'raw_user_meta_data', ...times, ...more];
  const own = ['last_sign_in_at', ...times];
  return `
    insert into ${table('users')} (id, email, recovery_token, recovery_sent_at, ${same.join(', ')})
      ${numbers} select ${id('n')}, ${text(email, 'n')}, ${text(tokenHash, 'n')}, ${now}, ${same.join(', ')}
      from ${table('users')} cross join numbers where email = '${PATTERN}';
    insert into ${table('identities')} (id, provider, provider_id, user_id, identity_data, ${own.join(', ')})
      ${numbers} select ${id('n')}, provider, ${id('n')}, ${id('n')}, identity_data, ${own.join(', ')}
      from ${table('identities')} cross join numbers where email = '${PATTERN}';`;
}

/** SQL for a text with a number in it. */
function text(of: (number: number) => string, column: string): string {
  const [before, after] = of(0).split('0');
  return `'${before}' || ${column} || '${after}'`;
}
