import { createClient } from '@supabase/supabase-js';
import { expect } from '@playwright/test';
import type { ManagementApi } from './api.ts';
import type { UserApp } from './app.ts';
import type { Dashboard } from './dashboard.ts';
import type { Server } from './server.ts';
import { psql, TODOS } from './sql.ts';

const PUBLIC_TODOS = ['Write the readme', 'Ship it'];

interface Cast {
  dashboard: Dashboard;
  server: Server;
  api: ManagementApi;
  app: UserApp;
  scripted: boolean;
}

/** A project's whole life by way of the dashboard: made, used from outside, paused, resumed, restarted, renamed, deleted. */
export async function wholeLife({ dashboard, server, api, app, scripted }: Cast): Promise<void> {
  const { page } = dashboard;
  const name = scripted ? 'Journey' : 'Journey without scripts';
  const password = 'a-journey-needs-a-password';

  // The first click.
  await dashboard.open('/');
  await expect(dashboard.heading).toHaveText('Projects');
  await expect(dashboard.newProject).toBeVisible();
  const ref = await dashboard.create(name, password);
  await dashboard.untilState('Running');
  await expect(dashboard.heading).toHaveText(name);

  // What was done, with how long each step took.
  for (const step of ['Clone data directory', 'Start database', 'Set passwords', 'Open address']) {
    await expect(dashboard.steps.filter({ hasText: step })).toContainText(/\d+ (ms|s)\b/);
  }

  // What a person copies from the page works from outside.
  const apiUrl = `http://${ref}.api.localhost:${server.port}`;
  await expect(page.getByText(apiUrl, { exact: true }).first()).toBeVisible();
  const shown = await page.getByRole('main').innerText();
  const [, user, address] = /postgresql:\/\/(\w+):[^@]*@([\w.:-]+\/\w+)/.exec(shown) ?? [];
  expect(address, 'a connection string is shown').toBeDefined();
  const uri = `postgresql://${user}:${encodeURIComponent(password)}@${address}`;
  await psql(uri, TODOS);
  const { publishable, anon, secret } = await api.keys(ref);
  await expect(page.getByText(publishable).first(), 'the key that may be seen is shown').toBeVisible();
  await expect(page.getByText(secret), 'the one that may not is not').toHaveCount(0);

  const inNode = createClient(server.projectUrl(ref), publishable);
  await expect.poll(async () => (await inNode.from('todos').select('id')).status, 'the schema cache follows').toBe(200);
  expect((await inNode.from('todos').select('title').order('id')).data?.map((row) => row.title)).toEqual(PUBLIC_TODOS);

  // From somebody's web page, on another origin, at the project's own host: in a window of its own, whose scripts run.
  const browser = page.context().browser();
  if (!browser) throw new Error('no browser');
  const window = await browser.newPage();
  const read = async (key: string) => app.todos(window, apiUrl, key);
  expect(await read(publishable)).toEqual({ titles: PUBLIC_TODOS, error: null, status: 200 });
  expect((await read(anon)).titles).toEqual(PUBLIC_TODOS);

  // Paused: says so, and when to come back.
  await dashboard.action('Pause').click();
  await dashboard.untilState('Paused');
  const asleep = await fetch(`${server.projectUrl(ref)}/rest/v1/todos`, { headers: { apikey: publishable } });
  expect(asleep.status).toBe(503);
  expect(Number(asleep.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await asleep.json()).toHaveProperty('message');
  expect((await read(publishable)).status, 'the browser may read the refusal').toBe(503);

  // Resumed, restarted: everything is still there, by the same keys.
  await dashboard.action('Resume').click();
  await dashboard.untilState('Running');
  expect((await read(publishable)).titles).toEqual(PUBLIC_TODOS);
  await dashboard.action('Restart').click();
  if (!scripted) await page.waitForLoadState();
  await dashboard.untilState('Running');
  await api.until(ref, 'ACTIVE_HEALTHY');
  expect((await read(publishable)).titles).toEqual(PUBLIC_TODOS);
  await window.close();

  // Renamed, and deleted only by its new name.
  await dashboard.open(`/project/${ref}`);
  await dashboard.rename(`${name}, renamed`);
  await dashboard.delete(`${name}, renamed`);
  await expect(page.getByText(`${name}, renamed`)).toHaveCount(0);
  await expect.poll(async () => (await api.fetch(`/v1/projects/${ref}`)).status).toBe(404);
  await dashboard.open('/');
  await expect(dashboard.newProject, 'the list is empty again').toBeVisible();
  expect(await api.list()).toEqual([]);
}
