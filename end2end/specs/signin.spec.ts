import { expect, test } from '../support/fixtures.ts';
import { Server } from '../support/server.ts';
import { ManagementApi } from '../support/api.ts';
import { Dashboard } from '../support/dashboard.ts';

const TOKEN = 'correct-horse-battery-staple-0123456789';

let server: Server;

test.beforeAll(async ({}, info) => {
  server = await Server.start({ name: `signin-${info.parallelIndex}`, env: { SUPACLOUD_SERVER__ADMIN_TOKEN: TOKEN } });
});

test.afterAll(async () => {
  await server?.stop();
});

for (const scripted of [true, false]) {
  test.describe(scripted ? 'with scripts' : 'without scripts', () => {
    test.use({ javaScriptEnabled: scripted });

    test('the dashboard asks for the token, keeps it in a safe cookie, and lets go of it', async ({ page, context }) => {
      const dashboard = new Dashboard(page, server.url, scripted);
      await dashboard.open('/');
      await expect(page).toHaveURL(/\/sign-in/);
      await expect(dashboard.heading).toHaveText('Sign in');

      await page.getByLabel('Admin token').fill('a wrong guess');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await expect(page.getByRole('alert')).toContainText('not the admin token');
      expect((await context.cookies()).filter((cookie) => cookie.httpOnly)).toEqual([]);

      await dashboard.ready();
      await page.getByLabel('Admin token').fill(TOKEN);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await expect(page).toHaveURL(`${server.url}/`);
      const session = (await context.cookies()).find((cookie) => cookie.httpOnly);
      expect(session, 'a cookie that scripts can’t read').toBeDefined();
      expect(['Strict', 'Lax']).toContain(session?.sameSite);
      expect(session?.value, 'the cookie is not the token').not.toContain(TOKEN);

      await dashboard.ready();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await expect(page).toHaveURL(/\/sign-in/);
      await dashboard.open('/');
      await expect(page, 'signed out').toHaveURL(/\/sign-in/);
    });

    test('signing in leads to the page that was wanted, also after a wrong token', async ({ page }) => {
      const dashboard = new Dashboard(page, server.url, scripted);
      await dashboard.open('/project/aaaaaaaaaaaaaaaaaaaa?from=mail');
      for (const token of ['a wrong guess', TOKEN]) {
        await page.getByLabel('Admin token').fill(token);
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.waitForLoadState();
      }
      await expect(page).toHaveURL(`${server.url}/project/aaaaaaaaaaaaaaaaaaaa?from=mail`);
      await page.goto(`${server.url}/sign-in`);
      await expect(page, 'somebody who is signed in is not asked').toHaveURL(`${server.url}/`);
    });

    test('a session that ends while a form is filled in is no dead end', async ({ page, context }) => {
      const dashboard = new Dashboard(page, server.url, scripted);
      await dashboard.open('/new');
      await page.getByLabel('Admin token').fill(TOKEN);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await expect(page).toHaveURL(`${server.url}/new`);
      await dashboard.ready();
      await context.clearCookies();
      const name = page.getByLabel('Name', { exact: true });
      await name.fill('Typed with care');
      await page.getByRole('button', { name: 'Create project' }).click();
      if (scripted) {
        await expect(page.getByRole('alert').filter({ hasText: 'You are signed out' })).toBeVisible();
        await expect(name).toHaveValue('Typed with care');
      } else {
        await expect(page).toHaveURL(/\/sign-in\?next=%2Fnew$/);
      }
    });

    test('the theme can be chosen before signing in', async ({ page }) => {
      const dashboard = new Dashboard(page, server.url, scripted);
      await dashboard.open('/sign-in');
      await page.getByRole('button', { name: 'Dark theme' }).click();
      await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
      await expect(dashboard.heading).toHaveText('Sign in');
    });
  });
}

test('the API wants the token', async () => {
  for (const token of [undefined, 'wrong', `${TOKEN}x`, TOKEN.slice(0, -1), '']) {
    const response = await new ManagementApi(server.url, token).fetch('/v1/projects');
    expect(response.status, `token ${token}`).toBe(401);
    expect(await response.json()).toHaveProperty('message');
  }
  expect(await new ManagementApi(server.url, TOKEN).list()).toEqual([]);
});

test('guessing is soon stopped, and the page says so', async ({ page }) => {
  const guess = () =>
    fetch(`${server.url}/sign-in`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: server.url },
      body: 'token=guess',
    });
  let stopped: string | null = null;
  for (let guesses = 0; guesses < 60 && !stopped; guesses++) {
    const location = (await guess()).headers.get('location');
    if (location?.includes('limited')) stopped = location;
  }
  expect(stopped, 'sixty guesses in a row').not.toBeNull();
  await page.goto(`${server.url}${stopped}`);
  await expect(page.getByRole('alert')).toContainText('Too many tries');
  expect((await new ManagementApi(server.url, 'guess').fetch('/v1/projects')).status).toBe(429);
});
