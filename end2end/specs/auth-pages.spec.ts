import type { ManagementApi } from '../support/api.ts';
import { Dashboard } from '../support/dashboard.ts';
import { expect, test } from '../support/fixtures.ts';
import { client, good } from '../support/users.ts';
import type { Server } from '../support/server.ts';

/** What all pages about a project's Auth have in common. */
let ref: string;
let id: string;

async function project(api: ManagementApi, server: Server): Promise<void> {
  ({ ref } = await api.create({ name: 'Harbour' }));
  const { serviceRole } = await api.keys(ref);
  const { admin } = client(server.projectUrl(ref), serviceRole).auth;
  id = good(await admin.createUser({ email: 'ann@example.com', email_confirm: true })).user!.id;
}

test.beforeAll(async ({ api, server }) => project(api, server));
test.afterAll(async ({ api }) => api.delete(ref));

const address = (page: string) => `/project/${ref}/auth/${page}`;

test('tabs are changed without a load, and the browser goes back and forth', async ({ page, dashboard, quiet }) => {
  void quiet;
  await dashboard.open(`/project/${ref}`);
  await page.evaluate(() => Object.assign(window, { loadedOnce: true }));
  const asked: string[] = [];
  page.on('request', (request) => void (request.url().includes('load_auth_page') && asked.push(new URLSearchParams(request.postData() ?? '').get('path')!)));
  await page.getByRole('link', { name: 'Authentication' }).click();
  const users = page.getByRole('list', { name: 'Users' });
  await expect(users.getByRole('link')).toHaveText(['ann@example.com']);
  await expect(page).toHaveTitle('Users · Harbour · supacloud');
  await expect(page.locator('main'), 'the keyboard goes on at the page').toBeFocused();

  const tabs = page.getByRole('navigation', { name: 'Authentication' });
  for (const [tab, title, there] of [
    ['Audit log', 'Audit log', page.getByRole('list', { name: 'Audit log, newest first' })],
    ['Mailbox', 'Mailbox', page.getByRole('heading', { name: 'No messages' })],
    ['Settings', 'Auth settings: Sign-up and sign-in', page.getByRole('region', { name: 'Sign-up', exact: true })],
    ['Signing keys', 'Signing keys', page.getByRole('list', { name: 'Signing keys' })],
  ] as const) {
    await tabs.getByRole('link', { name: tab }).click();
    await expect(there).toBeVisible();
    await expect(page).toHaveTitle(`${title} · Harbour · supacloud`);
    await expect(tabs.getByRole('link', { name: tab })).toHaveAttribute('aria-current', 'page');
    await expect(tabs.locator('[aria-current]')).toHaveCount(1);
  }
  expect(asked, 'each is asked for once').toEqual(['users', 'audit', 'mailbox', 'settings', 'keys'].map(address));
  await page.goBack();
  await expect(page.getByRole('region', { name: 'Sign-up', exact: true })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole('heading', { name: 'No messages' })).toBeVisible();
  await page.goForward();
  await expect(page).toHaveTitle('Auth settings: Sign-up and sign-in · Harbour · supacloud');
  await page.getByRole('link', { name: 'Harbour' }).click();
  await expect(dashboard.state).toHaveText('Running');
  expect(await page.evaluate(() => 'loadedOnce' in window), 'all of it in one document').toBe(true);
});

test('an address that leads nowhere says so', async ({ page, dashboard, quiet }) => {
  quiet.allow(/404/);
  for (const [path, said, tabs] of [
    ['nowhere', 'There is no page at this address', 0],
    ['users/new/nowhere', 'There is no page at this address', 0],
    ['settings/nowhere', 'There is no page at this address', 0],
    [`users/${id.replace(/^./, (first) => (first === '0' ? '1' : '0'))}`, 'There is no such user', 1],
  ] as const) {
    const response = await page.goto(`${dashboard.url}${address(path)}`);
    expect(response?.status(), path).toBe(404);
    await expect(page.getByRole('heading', { name: said })).toBeVisible();
    await expect(page.getByRole('navigation', { name: 'Authentication' })).toHaveCount(tabs);
    await dashboard.ready();
  }
});

test('what is copied is on the clipboard, and said', async ({ page, dashboard, context, quiet }) => {
  void quiet;
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await dashboard.open(address(`users/${id}`));
  const copy = page.getByRole('button', { name: 'Copy id' });
  await copy.click();
  await expect(page.getByRole('status').filter({ hasText: 'Copied' })).toHaveCount(1);
  await expect(copy).toHaveAttribute('data-said', 'Copied');
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(id);
  await expect(copy, 'it is a button to copy again').not.toHaveAttribute('data-said');
});

test('times grow older while they are looked at', async ({ page, dashboard }) => {
  await page.clock.install();
  await dashboard.open(address('audit'));
  const time = page.getByRole('list', { name: 'Audit log, newest first' }).getByRole('time').first();
  await expect(time).toHaveText(/^just now$|^\d+ min ago$/);
  await page.clock.fastForward('03:00:00');
  await expect(time).toHaveText('3 h ago');
});

test('metadata that is refused stays as it was typed, however long it is', async ({ page, dashboard, api, server }) => {
  const { serviceRole } = await api.keys(ref);
  const { admin } = client(server.projectUrl(ref), serviceRole).auth;
  await dashboard.open(address(`users/${id}`));
  const text = page.getByLabel('User metadata', { exact: true });
  const form = page.locator('form', { has: text });
  const long = JSON.stringify({ words: 'x'.repeat(10_000) });
  await text.fill(`${long}}`);
  await form.getByRole('button').click();
  await expect(text).toHaveAccessibleDescription(/Line 1, column/);
  await expect(text).toBeFocused();
  await expect(text).toHaveValue(`${long}}`);
  await text.fill(long);
  await form.getByRole('button').click();
  await expect(form.getByRole('status')).toHaveText('Saved.');
  await expect(text).not.toHaveAttribute('aria-invalid');
  // Of what was saved before, only what is changed since.
  good(await admin.updateUserById(id, { user_metadata: { words: 'by somebody else', more: 1 } }));
  await text.fill(JSON.stringify({ words: 'x'.repeat(10_000), mine: 2 }));
  await form.getByRole('button').click();
  await expect.poll(async () => good(await admin.getUserById(id)).user!.user_metadata).toMatchObject({ words: 'by somebody else', more: 1, mine: 2 });
});

for (const scripted of [true, false]) {
  test.describe(scripted ? 'with scripts' : 'without scripts', () => {
    test.use({ javaScriptEnabled: scripted });

    test('of a paused project, every page is there with its tabs, and says what can be done', async ({ page, server, api }) => {
      const dashboard = new Dashboard(page, server.url, scripted);
      const { ref } = await api.create({ name: 'Asleep' });
      await api.change(ref, 'pause');
      await api.until(ref, 'INACTIVE');
      for (const path of ['users', 'audit', 'mailbox']) {
        await page.goto(`${server.url}/project/${ref}/auth/${path}`);
        await dashboard.ready();
        await expect(page.getByRole('heading', { name: 'The project does not run' })).toBeVisible();
        await expect(page.getByRole('link', { name: 'Go to the project' })).toHaveAttribute('href', `/project/${ref}`);
        await expect(page.getByRole('navigation', { name: 'Authentication' }).getByRole('link')).toHaveCount(5);
      }
      // The same where it is come to without a load.
      await dashboard.open(`/project/${ref}`);
      await page.getByRole('link', { name: 'Authentication' }).click();
      await expect(page.getByRole('heading', { name: 'The project does not run' })).toBeVisible();
      await dashboard.open(`/project/${ref}/auth/settings/sessions`);
      await expect(page.getByRole('button', { name: 'Save' })).toBeVisible();
      await dashboard.open(`/project/${ref}/auth/keys`);
      await expect(page.getByRole('list', { name: 'Signing keys' })).toBeVisible();
      await api.delete(ref);
    });
  });
}
