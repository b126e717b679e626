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
  await expect(page.getByTestId('no-projects')).toBeVisible();
  const ref = await dashboard.create(name, password);
  await dashboard.untilState('Running');
  await expect(dashboard.heading).toHaveText(name);

  // What was done, with how long each step took.
  for (const step of ['Clone data directory', 'Start database', 'Set passwords', 'Open address']) {
    await expect(dashboard.steps.filter({ hasText: step })).toContainText(/\d+ (ms|s)\b/);
  }

  // What a person copies from the page works from outside.
  const apiUrl = `http://${ref}.api.localhost:${server.port}`;
  await expect(dashboard.value('API URL')).toHaveText(apiUrl);
  await page.getByRole('link', { name: 'Reveal database password' }).click();
  await expect(dashboard.value('Database password')).toHaveText(password);
  await psql(await dashboard.value('Connection string').innerText(), TODOS);
  const { publishable, anon, secret } = await api.keys(ref);
  await expect(dashboard.value('Publishable key')).toHaveText(publishable);
  await expect(page.getByText(secret), 'the key that must not be seen is not').toHaveCount(0);

  const inNode = createClient(server.projectUrl(ref), publishable);
  await expect.poll(async () => (await inNode.from('todos').select('id')).status, 'the schema cache follows').toBe(200);
  expect((await inNode.from('todos').select('title').order('id')).data?.map((row) => row.title)).toEqual(PUBLIC_TODOS);

  // From somebody's web page, on another origin, at the project's own host: in a window of its own, whose scripts run.
  const browser = page.context().browser();
  if (!browser) throw new Error('no browser');
  const window = await browser.newPage({ javaScriptEnabled: true });
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
  expect(await app.status(window, apiUrl, publishable), 'the browser may read the refusal').toBe(503);

  // Resumed, restarted: everything is still there, by the same keys.
  await dashboard.action('Resume').click();
  await dashboard.untilState('Running');
  expect((await read(publishable)).titles).toEqual(PUBLIC_TODOS);
  await dashboard.action('Restart').click();
  await dashboard.untilOpen('Restart');
  await expect(dashboard.state).toHaveText('Running');
  expect((await read(publishable)).titles).toEqual(PUBLIC_TODOS);
  await window.close();

  // Renamed, and deleted only by its new name.
  await dashboard.open(`/project/${ref}`);
  await dashboard.rename(`${name}, renamed`);
  await dashboard.delete(`${name}, renamed`);
  await expect(page.getByTestId('no-projects'), 'the list is empty again, by itself').toBeVisible();
  expect((await api.fetch(`/v1/projects/${ref}`)).status).toBe(404);
  expect(await api.list()).toEqual([]);
}
