import { expect, test } from '../support/fixtures.ts';
import { wholeLife } from '../support/journey.ts';

test('a project’s whole life, by mouse', async ({ dashboard, server, api, app }) => {
  await wholeLife({ dashboard, server, api, app, scripted: true });
});

test('the steps of a new project appear without loading the page again', async ({ dashboard, page, api, quiet }) => {
  void quiet;
  await dashboard.open('/');
  let loads = 0;
  page.on('load', () => loads++);
  const ref = await dashboard.create('Watched');
  await dashboard.untilState('Running');
  await expect(dashboard.steps).not.toHaveCount(0);
  expect(loads, 'page loads').toBeLessThanOrEqual(1);
  await api.delete(ref);
});

test('what the API does shows on an open page', async ({ dashboard, page, api }) => {
  const project = await api.create({ name: 'Remote' });
  await dashboard.open(`/project/${project.ref}`);
  await dashboard.untilState('Running');
  await api.change(project.ref, 'pause');
  await dashboard.untilState('Paused');
  await api.change(project.ref, 'restore');
  await dashboard.untilState('Running');
  await dashboard.open('/');
  await expect(page.getByRole('link', { name: 'Remote' })).toBeVisible();
  await api.delete(project.ref);
});

test('what is wrong with a new project stands beside its field', async ({ dashboard, api }) => {
  await dashboard.open('/');
  await dashboard.newProject.click();
  // A browser lets this pass; the server does not.
  const bell = 'a password with a bell\u0007';
  const field = dashboard.form.getByLabel('Database password', { exact: true });
  await field.fill(bell);
  await dashboard.form.getByRole('button', { name: 'Create project' }).click();
  await expect(field).toHaveAttribute('aria-invalid', 'true');
  await expect(field).toHaveAccessibleDescription(/control character/);
  await expect(field, 'what was typed is still there').toHaveValue(bell);
  expect(await api.list()).toEqual([]);
});

test('a secret key and the password are shown only when asked for', async ({ dashboard, page, api }) => {
  const project = await api.create({ name: 'Keys', db_pass: 'shown-only-when-asked' });
  const { secret } = await api.keys(project.ref);
  await dashboard.open(`/project/${project.ref}`);
  const html = await page.content();
  expect(html).not.toContain(secret);
  expect(html).not.toContain('shown-only-when-asked');
  await page.getByRole('link', { name: 'Reveal Secret key' }).click();
  await expect(dashboard.value('Secret key')).toHaveText(secret);
  await page.getByRole('link', { name: 'Hide Secret key' }).click();
  await expect(page.getByText(secret)).toHaveCount(0);
  await page.getByRole('link', { name: 'Reveal database password' }).click();
  await expect(dashboard.value('Database password')).toHaveText('shown-only-when-asked');
  await api.delete(project.ref);
});

test('a secret is copied without being shown, and what can’t be had says why', async ({ dashboard, page, api, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const project = await api.create({ name: 'Copied' });
  const { secret } = await api.keys(project.ref);
  await dashboard.open(`/project/${project.ref}`);
  const group = page.getByRole('group', { name: 'Secret key', exact: true });
  await group.getByRole('button', { name: 'Copy Secret key' }).click();
  await expect(group.getByRole('status')).toHaveText('Copied');
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret);
  await expect(page.getByText(secret)).toHaveCount(0);

  await page.route('**/api/reveal_secret*', (route) => route.abort());
  await group.getByRole('link', { name: 'Reveal Secret key' }).click();
  await expect(group.getByRole('alert')).toContainText(/can't be reached/);
  await api.delete(project.ref);
});

test('the chosen theme is remembered, and its button says so', async ({ dashboard, page, quiet }) => {
  void quiet;
  await dashboard.open('/');
  const dark = page.getByRole('button', { name: 'Dark theme' });
  await expect(page.getByRole('button', { name: 'System theme' })).toHaveAttribute('aria-pressed', 'true');
  await dark.click();
  await expect(dark).toHaveAttribute('aria-pressed', 'true');
  await dashboard.open('/new');
  await expect(dark).toHaveAttribute('aria-pressed', 'true');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});
