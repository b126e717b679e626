import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import type { Project } from '../support/api.ts';
import { connectionUri } from '../support/dashboard-html.ts';
import { expect, test } from '../support/fixtures.ts';
import { psql } from '../support/sql.ts';

/** A library: authors and their books, and a club whose members lend them (many to many). */
const LIBRARY = `
  create table public.authors (
    id bigint generated always as identity primary key,
    name text not null unique,
    born integer
  );
  create table public.books (
    id bigint generated always as identity primary key,
    title text not null unique,
    author_id bigint not null references public.authors (id) on delete cascade,
    published date,
    pages integer not null default 0,
    tags text[] not null default '{}',
    meta jsonb not null default '{}',
    hidden boolean not null default false
  );
  create table public.members (id bigint generated always as identity primary key, email text not null unique);
  create table public.loans (
    book_id bigint references public.books (id) on delete cascade,
    member_id bigint references public.members (id) on delete cascade,
    primary key (book_id, member_id)
  );
  alter table public.books enable row level security;
  create policy "visible books" on public.books for select to anon, authenticated using (not hidden);
  create table public.notes (
    id bigint generated always as identity primary key,
    owner uuid not null default auth.uid(),
    body text not null
  );
  alter table public.notes enable row level security;
  create policy "own notes" on public.notes for all to authenticated using (owner = auth.uid()) with check (owner = auth.uid());
  insert into public.authors (name, born) values ('Ursula K. Le Guin', 1929), ('Stanisław Lem', 1921), ('Octavia Butler', 1947);
  insert into public.books (title, author_id, published, pages, tags, meta, hidden) values
    ('The Dispossessed', 1, '1974-05-01', 387, '{utopia,anarchism}', '{"awards": ["Hugo", "Nebula"], "isbn": {"ten": "0061054887"}}', false),
    ('The Left Hand of Darkness', 1, '1969-03-01', 304, '{gender}', '{"awards": ["Hugo"]}', false),
    ('Solaris', 2, '1961-01-01', 204, '{ocean}', '{}', false),
    ('Kindred', 3, '1979-06-01', 264, '{time travel}', '{}', false),
    ('An unpublished draft', 3, null, 12, '{}', '{}', true);
  insert into public.members (email) values ('ada@example.com'), ('grace@example.com');
  insert into public.loans values (1, 1), (3, 1), (3, 2);
  create function public.add(a integer, b integer) returns integer language sql immutable as 'select a + b';
  create function public.books_by(author text) returns setof public.books language sql stable as
    'select b.* from public.books b join public.authors a on a.id = b.author_id where a.name = author';
  create function public.whoami() returns json language sql stable as
    $$ select json_build_object('role', auth.role(), 'uid', auth.uid(), 'email', auth.email()) $$;
`;

let project: Project;
let url: string;
let anon: SupabaseClient;
let admin: SupabaseClient;

test.describe.configure({ mode: 'serial' });

test.beforeAll(async ({ api, server }) => {
  project = await api.create({ name: 'Library', db_pass: 'a-long-library-password' });
  url = server.projectUrl(project.ref);
  const keys = await api.keys(project.ref);
  anon = createClient(url, keys.publishable);
  admin = createClient(url, keys.secret);
  await psql(await connectionUri(server.url, project.ref, 'a-long-library-password'), LIBRARY);
  // The schema cache follows the event trigger; it is there when the table made last answers.
  await expect.poll(async () => (await admin.from('notes').select('id')).status).toBe(200);
});

test.afterAll(async ({ api }) => {
  if (project) await api.delete(project.ref);
});

/** The rows, or the error as a failure. */
async function rows<T>(query: PromiseLike<{ data: T | null; error: { message: string } | null }>): Promise<T> {
  const { data, error } = await query;
  expect(error).toBeNull();
  return data as T;
}

test('filters, order, limit and range', async () => {
  expect(await rows(anon.from('books').select('title').gt('pages', 250).order('pages', { ascending: false }))).toEqual([
    { title: 'The Dispossessed' },
    { title: 'The Left Hand of Darkness' },
    { title: 'Kindred' },
  ]);
  const titles = async (query: PromiseLike<{ data: { title: string }[] | null; error: { message: string } | null }>) =>
    (await rows(query)).map((row) => row.title);
  const books = () => anon.from('books').select('title').order('id');
  expect(await titles(books().eq('title', 'Solaris'))).toEqual(['Solaris']);
  expect(await titles(books().neq('author_id', 1))).toEqual(['Solaris', 'Kindred']);
  expect(await titles(books().in('title', ['Kindred', 'Solaris', 'No, such "book"']))).toEqual(['Solaris', 'Kindred']);
  expect(await titles(books().ilike('title', 'the %'))).toEqual(['The Dispossessed', 'The Left Hand of Darkness']);
  expect(await titles(books().gte('published', '1969-01-01').lt('published', '1975-01-01'))).toHaveLength(2);
  expect(await titles(books().contains('tags', ['utopia']))).toEqual(['The Dispossessed']);
  expect(await titles(books().overlaps('tags', ['ocean', 'gender']))).toEqual(['The Left Hand of Darkness', 'Solaris']);
  expect(await titles(books().or('pages.lt.210,title.eq.Kindred'))).toEqual(['Solaris', 'Kindred']);
  expect(await titles(books().not('pages', 'gt', 300))).toEqual(['Solaris', 'Kindred']);
  expect(await titles(books().contains('meta', { awards: ['Nebula'] }))).toEqual(['The Dispossessed']);
  expect(await titles(books().is('published', null))).toEqual([]);
  expect(await titles(books().range(1, 2))).toEqual(['The Left Hand of Darkness', 'Solaris']);
  expect(await titles(books().limit(1))).toEqual(['The Dispossessed']);
});

test('columns, aliases, casts and JSON paths', async () => {
  expect(await rows(anon.from('books').select('name:title, pages::text, isbn:meta->isbn->>ten').eq('id', 1))).toEqual([
    { name: 'The Dispossessed', pages: '387', isbn: '0061054887' },
  ]);
});

test('embeds: to one, to many, many to many, inner, filtered', async () => {
  expect(await rows(anon.from('books').select('title, authors(name)').eq('title', 'Solaris'))).toEqual([
    { title: 'Solaris', authors: { name: 'Stanisław Lem' } },
  ]);
  expect(await rows(anon.from('authors').select('name, books(title)').eq('name', 'Octavia Butler'))).toEqual([
    { name: 'Octavia Butler', books: [{ title: 'Kindred' }] },
  ]);
  expect(await rows(anon.from('members').select('email, books(title)').order('id').order('id', { referencedTable: 'books' }))).toEqual([
    { email: 'ada@example.com', books: [{ title: 'The Dispossessed' }, { title: 'Solaris' }] },
    { email: 'grace@example.com', books: [{ title: 'Solaris' }] },
  ]);
  expect(await rows(anon.from('authors').select('name, books!inner(title)').eq('books.title', 'Solaris'))).toEqual([
    { name: 'Stanisław Lem', books: [{ title: 'Solaris' }] },
  ]);
});

test('single, maybeSingle and count', async () => {
  expect(await rows(anon.from('authors').select('name').eq('id', 2).single())).toEqual({ name: 'Stanisław Lem' });
  expect(await rows(anon.from('authors').select('name').eq('id', 99).maybeSingle())).toBeNull();
  const none = await anon.from('authors').select('name').eq('id', 99).single();
  expect(none.status).toBe(406);
  expect(none.error?.code).toBe('PGRST116');
  const counted = await anon.from('books').select('*', { count: 'exact', head: true });
  expect(counted.count).toBe(4);
  const ranged = await anon.from('books').select('title', { count: 'exact' }).order('id').range(0, 1);
  expect([ranged.status, ranged.count, ranged.data?.length]).toEqual([206, 4, 2]);
});

test('insert, upsert, update and delete', async () => {
  const [made] = await rows(admin.from('authors').insert({ name: 'Ted Chiang', born: 1966 }).select());
  expect(made).toMatchObject({ name: 'Ted Chiang', born: 1966 });
  const bulk = await admin.from('authors').insert([{ name: 'N. K. Jemisin', born: 1972 }, { name: 'Vernor Vinge', born: 1944 }]);
  expect([bulk.status, bulk.data]).toEqual([201, null]);
  const upserted = await rows(
    admin
      .from('authors')
      .upsert([{ name: 'Ted Chiang', born: 1967 }, { name: 'Ann Leckie', born: 1966 }], { onConflict: 'name' })
      .select('name, born')
      .order('name'),
  );
  expect(upserted).toEqual([
    { name: 'Ann Leckie', born: 1966 },
    { name: 'Ted Chiang', born: 1967 },
  ]);
  const ignored = await rows(
    admin.from('authors').upsert({ name: 'Ted Chiang', born: 1 }, { onConflict: 'name', ignoreDuplicates: true }).select('name'),
  );
  expect(ignored).toEqual([]);
  expect(await rows(admin.from('authors').update({ born: 1966 }).eq('name', 'Ted Chiang').select('born'))).toEqual([{ born: 1966 }]);
  const deleted = await rows(admin.from('authors').delete().gt('id', 3).select('name'));
  expect(deleted).toHaveLength(4);
  const conflict = await admin.from('authors').insert({ name: 'Stanisław Lem' });
  expect([conflict.status, conflict.error?.code]).toEqual([409, '23505']);
});

test('rpc by POST and GET, scalar, rows and filters on them', async () => {
  expect(await rows(anon.rpc('add', { a: 2, b: 40 }))).toBe(42);
  expect(await rows(anon.rpc('add', { a: 2, b: 40 }, { get: true }))).toBe(42);
  expect(await rows(anon.rpc('books_by', { author: 'Ursula K. Le Guin' }).select('title').lt('pages', 350))).toEqual([
    { title: 'The Left Hand of Darkness' },
  ]);
  const unknown = await anon.rpc('no_such_function');
  expect([unknown.status, unknown.error?.code]).toEqual([404, 'PGRST202']);
});

test('row level security: who is asking decides', async ({ api }) => {
  expect(await rows(anon.from('books').select('id').eq('hidden', true))).toEqual([]);
  expect(await rows(admin.from('books').select('title').eq('hidden', true))).toEqual([{ title: 'An unpublished draft' }]);
  const denied = await anon.from('books').insert({ title: 'Spam', author_id: 1 });
  expect([denied.status, denied.error?.code]).toEqual([401, '42501']);
  expect(await rows(anon.rpc('whoami'))).toEqual({ role: 'anon', uid: null, email: null });
  expect(await rows(admin.rpc('whoami'))).toMatchObject({ role: 'service_role' });

  // The legacy keys mean the same.
  const keys = await api.keys(project.ref);
  expect(await rows(createClient(url, keys.anon).from('books').select('id'))).toHaveLength(4);
  expect(await rows(createClient(url, keys.serviceRole).from('books').select('id'))).toHaveLength(5);

  // A key that was signed by somebody else opens nothing.
  const [header, claims] = keys.serviceRole.split('.');
  const forged = `${header}.${claims}.${createHmac('sha256', 'guessed').update(`${header}.${claims}`).digest('base64url')}`;
  expect((await createClient(url, forged).from('books').select('id')).status).toBe(401);
});

test('wrong tables and columns are named', async () => {
  const table = await anon.from('bookz').select();
  expect([table.status, table.error?.code]).toEqual([404, 'PGRST205']);
  const column = await anon.from('books').select('titel');
  expect([column.status, column.error?.code]).toEqual([400, '42703']);
  const relation = await anon.from('books').select('title, members_of_parliament(name)');
  expect([relation.status, relation.error?.code]).toEqual([400, 'PGRST200']);
});

test('the root describes the API', async ({ api }) => {
  const { secret } = await api.keys(project.ref);
  for (const root of [`${url}/rest/v1/`, `${url}/rest/v1`]) {
    const response = await fetch(root, { headers: { apikey: secret } });
    expect(response.status, root).toBe(200);
    const description = (await response.json()) as { swagger: string; info: { version: string }; paths: Record<string, unknown> };
    expect(description.swagger).toBe('2.0');
    expect(description.info.version, 'the CLI reads it').toMatch(/^\d+/);
    expect(Object.keys(description.paths)).toEqual(expect.arrayContaining(['/books', '/rpc/add']));
  }
});

test('a request without a key is refused', async () => {
  const response = await fetch(`${url}/rest/v1/books`);
  expect(response.status).toBe(401);
  expect(await response.json()).toHaveProperty('message');
});

/** What the link of the mail to somebody carries; the schema `auth` is the owner's to read. */
async function mailedToken(baseUrl: string, email: string): Promise<string> {
  const sql = `select t.token_hash from auth.one_time_tokens t join auth.users u on u.id = t.user_id
    where u.email = '${email}' order by t.created_at desc limit 1`;
  return psql(await connectionUri(baseUrl, project.ref, 'a-long-library-password'), sql);
}

/** A client that keeps no session anywhere but in itself. */
function clientOf(key: string): SupabaseClient {
  return createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false } });
}

test('users sign up, confirm, sign in, refresh and sign out, and see their own rows', async ({ api, server }) => {
  const { publishable } = await api.keys(project.ref);
  const [ada, grace] = [clientOf(publishable), clientOf(publishable)];
  for (const [client, email] of [[ada, 'ada@example.com'], [grace, 'grace@example.com']] as const) {
    const credentials = { email, password: 'correct horse battery' };
    const signedUp = await client.auth.signUp({ ...credentials, options: { data: { name: email } } });
    expect([signedUp.error, signedUp.data.session, signedUp.data.user?.email]).toEqual([null, null, email]);
    expect((await client.auth.signInWithPassword(credentials)).error?.code, 'before it is confirmed').toBe('email_not_confirmed');
    const confirmed = await client.auth.verifyOtp({ token_hash: await mailedToken(server.url, email), type: 'email' });
    expect(confirmed.error).toBeNull();
    const signedIn = await client.auth.signInWithPassword(credentials);
    expect([signedIn.error, signedIn.data.user?.user_metadata.name]).toEqual([null, email]);
    await rows(client.from('notes').insert({ body: `of ${email}` }));
  }
  expect(await rows(ada.from('notes').select('body'))).toEqual([{ body: 'of ada@example.com' }]);
  const { data: session } = await ada.auth.getSession();
  expect(await rows(ada.rpc('whoami'))).toEqual({ role: 'authenticated', uid: session.session?.user.id, email: 'ada@example.com' });
  expect(await rows(anon.from('notes').select('body')), 'nobody is nobody').toEqual([]);
  expect(await rows(admin.from('notes').select('body').order('id'))).toHaveLength(2);

  const refreshed = await ada.auth.refreshSession();
  expect(refreshed.error).toBeNull();
  expect(refreshed.data.session?.refresh_token).not.toBe(session.session?.refresh_token);
  expect((await ada.auth.getUser()).data.user?.email).toBe('ada@example.com');
  expect((await ada.auth.updateUser({ data: { name: 'Ada' } })).data.user?.user_metadata.name).toBe('Ada');
  expect((await ada.auth.signOut()).error).toBeNull();
  expect(await rows(ada.from('notes').select('body'))).toEqual([]);
  const token = refreshed.data.session?.access_token ?? '';
  expect((await clientOf(publishable).auth.getUser(token)).error?.name, 'its session is over').toBe('AuthSessionMissingError');
  expect((await grace.auth.getUser()).data.user?.email, 'another is not').toBe('grace@example.com');
});

test("a mail's link needs no key and leads to the site", async ({ api, server }) => {
  const { publishable } = await api.keys(project.ref);
  const email = 'link@example.com';
  await clientOf(publishable).auth.signUp({ email, password: 'correct horse battery' });
  const token = await mailedToken(server.url, email);
  const followed = await fetch(`${url}/auth/v1/verify?token=${token}&type=signup`, { redirect: 'manual' });
  expect(followed.status).toBe(303);
  expect(followed.headers.get('location')).toMatch(/^http:\/\/localhost:3000\/?#access_token=/);
  expect((await fetch(`${url}/auth/v1/.well-known/jwks.json`)).status).toBe(200);
  expect((await fetch(`${url}/auth/v1/settings`)).status, 'everything else does').toBe(401);
});

test('services that are still to come say so', async ({ api }) => {
  const { publishable } = await api.keys(project.ref);
  for (const path of ['/functions/v1/hello', '/storage/v1/version']) {
    const response = await fetch(`${url}${path}`, { headers: { apikey: publishable } });
    expect(response.status, path).toBe(501);
    expect(await response.json(), path).toHaveProperty('message');
  }
});

test('supabase-py does the same', async ({ api, server }) => {
  const python = process.env.SUPACLOUD_PYTHON;
  test.skip(!python, 'SUPACLOUD_PYTHON is not set; make browser sets it');
  const { publishable, secret } = await api.keys(project.ref);
  // It asks for the token in the mail by a line of its output.
  const script = resolve(import.meta.dirname, '../support/client.py');
  const running = promisify(execFile)(python!, [script, url, publishable, secret], { timeout: 60_000 });
  createInterface(running.child.stdout!).on('line', async (line) => {
    const email = /^token for (\S+)$/.exec(line)?.[1];
    if (email) running.child.stdin?.end(`${await mailedToken(server.url, email)}\n`);
  });
  const { stdout } = await running;
  expect(stdout.trim().split('\n').at(-1)).toBe('ok');
});
