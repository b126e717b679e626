import type { Project } from '../support/api.ts';
import { expect, test } from '../support/fixtures.ts';
import { raw, type RawResponse } from '../support/raw.ts';

/** Requests that no well-behaved client makes. The answer is a refusal with a message; never a 5xx, never silence. */

const NO_REF = 'aaaaaaaaaaaaaaaaaaaa';

let project: Project;
let key: string;

test.beforeAll(async ({ api }) => {
  project = await api.create({ name: 'Fortress' });
  key = (await api.keys(project.ref)).publishable;
});

test.afterAll(async ({ api }) => {
  if (project) await api.delete(project.ref);
});

/** Soft, so that one run names everything that is let through. */
function refused(response: RawResponse, what: string): void {
  expect.soft(response.status, what).toBeGreaterThanOrEqual(400);
  expect.soft(response.status, what).toBeLessThan(500);
}

function refusedWithMessage(response: RawResponse, what: string): void {
  refused(response, what);
  expect.soft(response.headers['content-type'], what).toContain('application/json');
  expect.soft(message(response), what).toEqual(expect.any(String));
}

function message(response: RawResponse): unknown {
  try {
    return (JSON.parse(response.body) as { message?: unknown }).message;
  } catch {
    return undefined;
  }
}

test('paths that try to leave their place', async ({ server }) => {
  const host = `127.0.0.1:${server.port}`;
  const paths = [
    '/v1/projects/../../etc/passwd',
    '/v1/projects/..%2f..%2f..%2fetc%2fpasswd',
    '/v1/projects/%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fx',
    '/v1/projects/aaaaaaaaaaaaaaaaaaa%00',
    '/v1/projects/aaaaaaaaaaaaaaaaaaaa%0d%0aX-Injected:%20yes',
    '/v1/projects/AAAAAAAAAAAAAAAAAAAA',
    `/v1/projects/${'a'.repeat(5_000)}`,
    '/v1/projects/%ff%fe%fd',
    '/v1/projects/%F0%9F%92%A5',
    `/v1/projects/${NO_REF}'%20or%20'1'='1`,
    `/v1/projects/${NO_REF}`,
    '/v1/no-such-thing',
    `/p/${NO_REF}/rest/v1/todos`,
    '/p/..%2f..%2fetc/rest/v1/todos',
    '/p/',
    '/p/%00/rest/v1/',
  ];
  for (const path of paths) {
    const response = await raw(server.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    refusedWithMessage(response, path);
    expect(response.headers, path).not.toHaveProperty('x-injected');
    expect(response.body, path).not.toContain('root:');
  }
  for (const path of ['/pkg/../../../Cargo.toml', '/pkg/..%2f..%2f..%2f..%2fetc%2fpasswd', '/%2e%2e/%2e%2e/etc/passwd']) {
    const response = await raw(server.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    refused(response, path);
    expect(response.body, path).not.toContain('root:');
    expect(response.body, path).not.toContain('[workspace]');
  }
});

test('bodies that are not what they say', async ({ server, api }) => {
  const before = (await api.list()).length;
  const json = 'application/json';
  const cases: [string, string, string | Buffer][] = [
    ['not JSON', json, '{'],
    ['an array', json, '[]'],
    ['a string', json, '"x"'],
    ['a number as name', json, '{"name": 1}'],
    ['an unknown field', json, '{"nmae": "x"}'],
    ['the same field twice', json, '{"name": "a", "name": "b"}'],
    ['a NUL in the name', json, '{"name": "a\\u0000b"}'],
    ['a half surrogate', json, '{"name": "\\ud800"}'],
    ['broken UTF-8', json, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
    ['a name of 10,000 characters', json, JSON.stringify({ name: 'x'.repeat(10_000) })],
    ['an empty password', json, '{"db_pass": ""}'],
    ['a control character in the password', json, '{"db_pass": "a\\u0007bcdefgh"}'],
    ['a password of 10,000 characters', json, JSON.stringify({ db_pass: 'x'.repeat(10_000) })],
    ['deep JSON', json, `{"region_selection": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['deep JSON, never closed', json, '['.repeat(200_000)],
    ['XML', 'application/xml', '<project/>'],
    ['a form', 'application/x-www-form-urlencoded', 'name=x'],
    ['ten megabytes', json, JSON.stringify({ name: 'x'.repeat(10_000_000) })],
  ];
  for (const [what, type, body] of cases) {
    const bytes = Buffer.from(body);
    const head = `POST /v1/projects HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Type: ${type}\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`;
    refusedWithMessage(await raw(server.port, Buffer.concat([Buffer.from(head), bytes])), what);
  }
  expect(await api.list(), 'nothing was made').toHaveLength(before);
});

test('requests that break HTTP', async ({ server }) => {
  const host = `Host: 127.0.0.1:${server.port}`;
  const cases: [string, string][] = [
    ['a URL of one megabyte', `GET /v1/projects?${'a'.repeat(1_000_000)} HTTP/1.1\r\n${host}\r\n\r\n`],
    ['a header of one megabyte', `GET /v1/projects HTTP/1.1\r\n${host}\r\nX-Long: ${'a'.repeat(1_000_000)}\r\n\r\n`],
    ['ten thousand headers', `GET /v1/projects HTTP/1.1\r\n${host}\r\n${'X-Many: 1\r\n'.repeat(10_000)}\r\n`],
    ['a NUL in the path', `GET /v1/\0 HTTP/1.1\r\n${host}\r\n\r\n`],
    ['a NUL in a header', `GET /v1/projects HTTP/1.1\r\n${host}\r\nX-Nul: a\0b\r\n\r\n`],
    ['no Host', 'GET /v1/projects HTTP/1.1\r\n\r\n'],
    ['two Hosts', `GET /v1/projects HTTP/1.1\r\n${host}\r\nHost: evil.example\r\n\r\n`],
    ['somebody else’s Host', 'GET /v1/projects HTTP/1.1\r\nHost: evil.example\r\n\r\n'],
    ['a Host that is no host', 'GET /v1/projects HTTP/1.1\r\nHost: a b/c\r\n\r\n'],
    ['a negative length', `POST /v1/projects HTTP/1.1\r\n${host}\r\nContent-Length: -1\r\n\r\n`],
    ['two lengths', `POST /v1/projects HTTP/1.1\r\n${host}\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ['not HTTP at all', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\r\n\r\n'],
  ];
  for (const [what, request] of cases) refusedWithMessage(await raw(server.port, request), what);
});

test('what the dashboard’s pages ask takes the same', async ({ server, api }) => {
  const before = (await api.list()).length;
  const form = 'application/x-www-form-urlencoded';
  const cases: [string, string, string][] = [
    ['/api/pause_project', form, 'project_ref=../../etc/passwd'],
    ['/api/pause_project', form, ''],
    ['/api/pause_project', form, `project_ref=${'a'.repeat(100_000)}`],
    ['/api/pause_project', form, `project_ref=${NO_REF}`],
    ['/api/pause_project', 'application/json', '{"project_ref": "x"}'],
    ['/api/rename_project', form, `project_ref=${project.ref}&name=%00`],
    ['/api/create_project', form, 'name=a&db_pass=%07aaaaaaaaaaa'],
    ['/api/create_project', form, 'nmae=a'],
    ['/api/delete_project', form, `project_ref=${project.ref}&confirmation=no`],
    ['/api/reveal_secret', form, `project_ref=${project.ref}&which=${'x'.repeat(1000)}`],
    ['/api/set_theme', form, 'theme=neon'],
    ['/api/no_such_function', form, ''],
  ];
  for (const [path, type, body] of cases) {
    const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    refused(await raw(server.port, head + body), `${path} ${body.slice(0, 60)}`);
  }
  expect(await api.list(), 'nothing was made').toHaveLength(before);
  expect((await api.get(project.ref)).status, 'nothing was changed').toBe('ACTIVE_HEALTHY');
});

test('a page elsewhere can neither rebind a name nor post a form', async ({ server, api }) => {
  const before = (await api.list()).length;
  const post = (headers: string) =>
    raw(server.port, `POST /v1/projects HTTP/1.1\r\n${headers}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  refusedWithMessage(await post(`Host: rebound.example:${server.port}`), 'a rebound name');
  refusedWithMessage(await post(`Host: 127.0.0.1:${server.port}\r\nOrigin: https://evil.example`), 'another origin');
  refusedWithMessage(await post(`Host: 127.0.0.1:${server.port}\r\nOrigin: null`), 'an opaque origin');
  refusedWithMessage(await post(`Host: 127.0.0.1:${server.port}\r\nOrigin: http://${project.ref}.api.localhost:${server.port}`), 'a project’s origin');
  expect(await api.list(), 'nothing was made').toHaveLength(before);
});

test('a project’s REST address takes the same', async ({ server, api }) => {
  const host = `${project.ref}.api.localhost:${server.port}`;
  const queries = [
    '/rest/v1/pg_authid?select=*',
    '/rest/v1/todos?select=*;drop%20table%20x',
    "/rest/v1/todos?id=eq.1'%20or%20'1'='1",
    '/rest/v1/%00',
    '/rest/v1/todos?select=%00',
    '/rest/v1/todos?%ff=eq.%ff',
    `/rest/v1/todos?select=${'a('.repeat(20_000)}`,
    `/rest/v1/todos?or=${'('.repeat(20_000)}`,
    '/rest/v1/todos?limit=-1',
    '/rest/v1/todos?limit=99999999999999999999999',
    '/rest/v1/../../etc/passwd',
    '/rest/v1/..%2f..%2fetc%2fpasswd',
    '/no-such-service',
  ];
  for (const query of queries) {
    const response = await raw(server.port, `GET ${query} HTTP/1.1\r\nHost: ${host}\r\napikey: ${key}\r\nConnection: close\r\n\r\n`);
    refusedWithMessage(response, query.slice(0, 80));
  }
  for (const apikey of ['x', 'sb_publishable_', 'a.b.c', 'e30.e30.e30', `sb_secret_${'a'.repeat(31)}`, 'ä'.repeat(100)]) {
    const response = await raw(server.port, `GET /rest/v1/ HTTP/1.1\r\nHost: ${host}\r\napikey: ${apikey}\r\nConnection: close\r\n\r\n`);
    expect.soft(response.status, apikey).toBe(401);
    refusedWithMessage(response, apikey);
  }
  for (const other of [`${NO_REF}.api.localhost`, `x.${project.ref}.api.localhost`, `${project.ref.toUpperCase()}x.api.localhost`, '.api.localhost']) {
    refused(await raw(server.port, `GET /rest/v1/ HTTP/1.1\r\nHost: ${other}:${server.port}\r\napikey: ${key}\r\nConnection: close\r\n\r\n`), other);
  }
  const body = JSON.stringify([{ a: '\0' }, '['.repeat(1000)]);
  refusedWithMessage(
    await raw(
      server.port,
      `POST /rest/v1/todos HTTP/1.1\r\nHost: ${host}\r\napikey: ${key}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    ),
    'a body for a table that is not there',
  );
  expect((await api.get(project.ref)).status, 'the project is none the worse').toBe('ACTIVE_HEALTHY');
});

test('keys of one project open no other', async ({ server, api }) => {
  const other = await api.create({ name: 'Neighbour' });
  const theirs = await api.keys(other.ref);
  for (const apikey of Object.values(theirs)) {
    for (const path of ['/rest/v1/', '/rest/v1/todos', '/rest/v1/rpc/x', '/auth/v1/health', '/storage/v1/version', '/functions/v1/x']) {
      const response = await fetch(`${server.projectUrl(project.ref)}${path}`, { headers: { apikey, authorization: `Bearer ${apikey}` } });
      expect(response.status, `${path} with a key of the other project`).toBe(401);
      await response.body?.cancel();
    }
  }
  await api.delete(other.ref);
});
