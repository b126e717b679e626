import { expect, test } from '../support/fixtures.ts';
import { Dashboard } from '../support/dashboard.ts';
import { wholeLife } from '../support/journey.ts';

test.use({ javaScriptEnabled: false });

test('a project’s whole life, without scripts', async ({ page, server, api, app }) => {
  await wholeLife({ dashboard: new Dashboard(page, server.url, false), server, api, app, scripted: false });
});

test('what is refused is shown again where it was typed, without scripts', async ({ page, server, api }) => {
  const dashboard = new Dashboard(page, server.url, false);
  await dashboard.open('/new');
  await page.getByLabel('Name', { exact: true }).fill('Kept & "quoted"');
  await page.getByLabel('Database password', { exact: true }).fill('a password with a bell\u0007');
  await page.getByRole('button', { name: 'Create project' }).click();
  await expect(page.getByLabel('Database password', { exact: true })).toHaveAccessibleDescription(/control character/);
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('Kept & "quoted"');
  expect(page.url(), 'the password is not in the address').not.toContain('bell');

  const project = await api.create({ name: 'To be renamed' });
  await dashboard.open(`/project/${project.ref}`);
  await page.getByLabel('Name', { exact: true }).fill('  ');
  await page.getByRole('button', { name: 'Rename', exact: true }).click();
  await expect(page.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByLabel('Name', { exact: true }), 'the page is shown where the form is').toBeInViewport();
  await page.getByRole('link', { name: 'Reveal JWT secret' }).click();
  await expect(dashboard.value('JWT secret')).toBeInViewport();
  await expect(dashboard.value('JWT secret')).toHaveText(/^\w{40,}$/);
  await api.delete(project.ref);
});
