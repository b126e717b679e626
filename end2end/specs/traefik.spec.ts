// Traefik itself can't be had here. Its configurations, those in deploy/ and the one that the server makes for its HTTP
// provider, are checked against SchemaStore's schemas of Traefik 3, which npm has as types.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { parse } from 'yaml';
import { expect, test } from '../support/fixtures.ts';
import { artefacts, Server } from '../support/server.ts';

const STATIC = { module: '@schemastore/traefik-v3', type: 'TraefikV3StaticConfiguration' };
const DYNAMIC = { module: '@schemastore/traefik-v3-file-provider', type: 'HttpsJsonSchemastoreOrgTraefikV3FileProviderJson' };

function shipped(name: string): unknown {
  return parse(readFileSync(resolve(import.meta.dirname, '../../deploy/traefik', name), 'utf8'));
}

/** What the schema's type has against a document; a literal may have no property that its type has not. */
function complaints(schema: { module: string; type: string }, document: unknown, name: string): string[] {
  const file = join(artefacts, `traefik-${name}.ts`);
  const text = `import type { ${schema.type} as Schema } from '${schema.module}';\nexport const document: Schema = ${JSON.stringify(document)};\n`;
  writeFileSync(file, text);
  const { NodeNext: module } = ts.ModuleKind;
  const program = ts.createProgram([file], {
    module,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noEmit: true,
    skipLibCheck: true,
    strict: true,
    types: [],
  });
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

test('the shipped files are what Traefik expects', () => {
  expect(complaints(STATIC, shipped('traefik.yaml'), 'static')).toEqual([]);
  expect(complaints(DYNAMIC, shipped('dynamic.yaml'), 'dynamic')).toEqual([]);
});

test('the document for the HTTP provider is what Traefik expects', async ({}, info) => {
  const server = await Server.start({ name: `traefik-${info.parallelIndex}` });
  try {
    const created = await fetch(`${server.url}/v1/projects`, { method: 'POST' });
    const { ref } = (await created.json()) as { ref: string };
    for (const query of ['', '?resolver=letsencrypt&entrypoint=https']) {
      const document = await (await fetch(`${server.url}/traefik/config${query}`)).json();
      expect(Object.keys((document as any).http.routers)).toEqual(['supacloud', `supacloud-${ref}`]);
      expect(complaints(DYNAMIC, document, 'live')).toEqual([]);
    }
  } finally {
    await server.stop();
  }
});

test('the schemas refuse what Traefik does not know', () => {
  expect(complaints(STATIC, { entryPoints: { web: { adress: ':80' } } }, 'wrong-static').join()).toContain("'\"adress\"' does not exist");
  const wrong = (router: object) => complaints(DYNAMIC, { http: { routers: { a: { rule: 'Host(`a`)', service: 'a', ...router } } } }, 'wrong').join();
  expect(wrong({ entrypoints: ['web'] })).toContain("'\"entrypoints\"' does not exist");
  expect(wrong({ tls: { certResolver: 1 } })).toContain("'number' is not assignable to type 'string'");
  expect(wrong({ tls: { domains: ['a'] } })).toContain("'string' is not assignable to type '{");
  expect(complaints(DYNAMIC, { http: { routers: { a: { rule: 'Host(`a`)' } } } }, 'incomplete').join()).toContain("'service' is missing");
});
