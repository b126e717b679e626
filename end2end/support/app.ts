import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Page } from '@playwright/test';

const supabaseJs = join(dirname(createRequire(import.meta.url).resolve('@supabase/supabase-js')), 'umd/supabase.js');

/** Someone's own web page, on an origin of its own, that loads supabase-js: what a user of a project builds. */
export class UserApp {
  readonly url: string;
  readonly #server: Server;

  protected constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start(): Promise<UserApp> {
    const { server, port } = await serve('');
    return new UserApp(server, `http://127.0.0.1:${port}/`);
  }

  /** Titles of the todos that the key may read, asked by supabase-js in the browser. */
  async todos(page: Page, apiUrl: string, key: string): Promise<{ titles: string[] | null; error: string | null; status: number }> {
    await page.goto(this.url);
    return page.evaluate(
      async ([url, key]) => {
        type Client = { from(table: string): { select(columns: string): { order(column: string): Promise<Answer> } } };
        type Answer = { data: { title: string }[] | null; error: { message: string } | null; status: number };
        const { supabase } = window as unknown as { supabase: { createClient(url: string, key: string): Client } };
        const { data, error, status } = await supabase.createClient(url!, key!).from('todos').select('title').order('id');
        return { titles: data?.map((row) => row.title) ?? null, error: error?.message ?? null, status };
      },
      [apiUrl, key],
    );
  }

  /** Status of a plain request from the page; supabase-js would try a 503 again for as long as the server asks it to. */
  async status(page: Page, apiUrl: string, key: string): Promise<number> {
    await page.goto(this.url);
    return page.evaluate(
      async ([url, apikey]) => (await fetch(`${url}/rest/v1/todos`, { headers: { apikey: apikey! } })).status,
      [apiUrl, key],
    );
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Serves the library, and at every other path a page that runs the script once it has the library. */
export async function serve(script: string): Promise<{ server: Server; port: number }> {
  const library = readFileSync(supabaseJs);
  const page = `<!doctype html><html lang="en"><title>An app</title><link rel="icon" href="data:,">
    <script src="/supabase.js"></script><script>${script}</script></html>`;
  const server = createServer((request, response) => {
    if (request.url === '/supabase.js') response.writeHead(200, { 'content-type': 'text/javascript' }).end(library);
    else response.writeHead(200, { 'content-type': 'text/html' }).end(page);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (!address || typeof address === 'string') throw new Error('no port');
  return { server, port: address.port };
}
