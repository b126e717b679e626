import { createHash } from 'node:crypto';
import type { Page } from '@playwright/test';
import type { ManagementApi } from '../support/api.ts';
import { Dashboard } from '../support/dashboard.ts';
import { expect, test } from '../support/fixtures.ts';
import { tabTo } from '../support/keyboard.ts';
import type { Server } from '../support/server.ts';
import { client, good } from '../support/users.ts';

/** The pages about users of one project, as a person sees them. */
class Users {
  readonly page: Page;
  readonly address: string;

  constructor(page: Page, dashboard: string, ref: string) {
    this.page = page;
    this.address = `${dashboard}/project/${ref}/auth/users`;
  }

  get list() {
    return this.page.getByRole('list', { name: 'Users' }).getByRole('listitem');
  }

  get names() {
    return this.list.getByRole('link');
  }

  sheet(name: string) {
    return this.page.getByRole('region', { name, exact: true });
  }

  /** What the page says was just done. */
  get done() {
    return this.page.locator('#done');
  }

  async choose(kind: 'Show' | 'Sort by', name: string) {
    await this.page.getByRole('navigation', { name: kind, exact: true }).getByRole('link', { name, exact: true }).click();
  }

  async search(text: string) {
    await this.page.getByRole('searchbox').fill(text);
    await this.page.getByRole('button', { name: 'Search' }).click();
  }
}

async function project(api: ManagementApi, server: Server, name: string) {
  const { ref } = await api.create({ name });
  const keys = await api.keys(ref);
  const url = server.projectUrl(ref);
  return { ref, url, ...keys, admin: client(url, keys.serviceRole).auth.admin };
}

for (const scripted of [true, false]) {
  test.describe(scripted ? 'with scripts' : 'without scripts', () => {
    test.use({ javaScriptEnabled: scripted });

    test('a user is made, changed, let in, kept out and deleted', async ({ page, server, api }) => {
      const dashboard = new Dashboard(page, server.url, scripted);
      const { ref, url, anon, admin } = await project(api, server, `Users ${scripted}`);
      const users = new Users(page, server.url, ref);
      const app = () => client(url, anon).auth;

      // Made, with errors where they are.
      await dashboard.open(`/project/${ref}/auth/users`);
      await expect(page.getByRole('heading', { name: 'Nobody has signed up yet' })).toBeVisible();
      await page.getByRole('link', { name: 'Add user' }).first().click();
      const add = users.sheet('Add a user');
      await add.getByLabel('E-mail').fill('ann@example.com');
      await add.getByLabel('Password').fill('correct horse');
      await add.getByRole('button', { name: 'Add user' }).click();
      await expect(users.done).toHaveText('The user is made.');
      await expect(page.getByRole('heading', { name: 'ann@example.com' })).toBeVisible();
      const here = page.url().replace(/[?#].*/, '');
      const id = here.slice(here.lastIndexOf('/') + 1);
      await page.goto(`${users.address}/new`);
      await add.getByLabel('E-mail').fill('Ann@example.com');
      await add.getByLabel('Phone').fill('+49 151 12345678');
      await add.getByLabel('Password').fill('a-secret-that-stays');
      await add.getByRole('button', { name: 'Add user' }).click();
      await expect(add.getByLabel('E-mail')).toHaveAccessibleDescription(/already been registered/);
      await expect(add.getByLabel('Phone')).toHaveValue('+49 151 12345678');
      expect(page.url(), 'the password is in no address').not.toContain('stays');

      // Sessions are seen and ended.
      const session = good(await app().signInWithPassword({ email: 'ann@example.com', password: 'correct horse' })).session!;
      good(await app().signInWithPassword({ email: 'ann@example.com', password: 'correct horse' }));
      await page.goto(here);
      await expect(users.sheet('Sessions').getByRole('listitem')).toHaveCount(2);
      await users.sheet('Sessions').getByRole('button', { name: /^End the session/ }).first().click();
      await expect(users.done).toHaveText('The session is ended.');
      await expect(users.sheet('Sessions').getByRole('listitem')).toHaveCount(1);
      await users.sheet('Sessions').getByRole('button', { name: /^End the session/ }).click();
      await expect(users.sheet('Sessions')).toContainText('Signed in nowhere.');
      expect((await app().refreshSession({ refresh_token: session.refresh_token })).error?.code).toBeTruthy();

      // Kept out, and let in again.
      await users.sheet('Ban').getByLabel('For').selectOption('1 week');
      await users.sheet('Ban').getByRole('button', { name: 'Ban', exact: true }).click();
      await expect(users.sheet('Ban')).toContainText(/Kept out until 20\d\d-/);
      const password = { email: 'ann@example.com', password: 'correct horse' };
      expect((await app().signInWithPassword(password)).error?.code).toBe('user_banned');
      await users.sheet('Ban').getByRole('button', { name: 'Lift the ban' }).click();
      await expect(users.done).toHaveText('The ban is lifted.');
      good(await app().signInWithPassword(password));

      // Another address, number and password; what is refused is said at its field.
      const account = users.sheet('Account');
      await account.getByLabel('Phone', { exact: true }).fill('no number');
      await account.getByRole('button', { name: 'Set Phone' }).click();
      await expect(account.getByLabel('Phone', { exact: true })).toHaveAccessibleDescription(/phone/i);
      await expect(account.getByLabel('Phone', { exact: true })).toHaveValue('no number');
      await account.getByLabel('E-mail', { exact: true }).fill('anna@example.com');
      await account.getByRole('button', { name: 'Change E-mail' }).click();
      await expect(page.getByRole('heading', { name: 'anna@example.com' })).toBeVisible();
      await account.getByLabel('Password', { exact: true }).fill('another horse');
      await account.getByRole('button', { name: 'Change Password' }).click();
      await expect(users.done).toContainText('all sessions are ended');
      good(await app().signInWithPassword({ email: 'anna@example.com', password: 'another horse' }));

      // A link that is sent, and one that is shown once and lets in.
      await users.sheet('Links').getByRole('button', { name: 'Send by e-mail' }).click();
      await expect(users.done).toContainText('on its way');
      await users.sheet('Links').getByLabel('Kind').selectOption('Magic link');
      await users.sheet('Links').getByRole('button', { name: 'Make a link' }).click();
      const link = await users.sheet('The link').locator('code').first().innerText();
      expect(page.url(), 'the link is in no address').not.toContain('token');
      const entered = await fetch(link.replace(/^.*(?=\/auth\/v1\/)/, url), { redirect: 'manual' });
      expect(entered.headers.get('location')).toContain('access_token=');
      await page.reload();
      await expect(users.sheet('The link')).toHaveCount(0);
      await users.sheet('Links').getByRole('button', { name: 'Send by e-mail' }).click();
      await expect(users.sheet('Links').getByRole('alert').filter({ hasText: 'you can only request this after' })).toBeVisible();
      await expect(users.done, 'nothing was done').toBeEmpty();

      // Metadata.
      const metadata = page.getByLabel('User metadata', { exact: true });
      await metadata.fill('{\n  "plan": pro\n}');
      await page.getByRole('button', { name: 'Save User metadata' }).click();
      await expect(metadata).toHaveAccessibleDescription(/Line 2, column/);
      await expect(metadata).toHaveValue(/"plan": pro/);
      await metadata.fill('{ "plan": "pro", "seats": 3 }');
      await page.getByRole('button', { name: 'Save User metadata' }).click();
      await expect.poll(async () => good(await admin.getUserById(id)).user.user_metadata).toEqual({ plan: 'pro', seats: 3 });
      await metadata.fill('{ "plan": "free" }');
      await page.getByRole('button', { name: 'Save User metadata' }).click();
      await expect.poll(async () => good(await admin.getUserById(id)).user.user_metadata).toEqual({ plan: 'free' });

      // Deleted, once the address is typed.
      await page.goto(here);
      await page.getByLabel(/^Type anna@example.com to confirm$/).fill('anna');
      await page.getByRole('button', { name: 'Delete this user' }).click();
      await expect(page.getByLabel(/^Type .* to confirm$/)).toHaveAccessibleDescription(/Type “anna@example.com”/);
      await page.getByLabel(/^Type .* to confirm$/).fill('anna@example.com');
      await page.getByRole('button', { name: 'Delete this user' }).click();
      await page.waitForURL(/\/auth\/users\?done=deleted/);
      await expect(users.done).toHaveText('The user is deleted.');
      expect((await admin.getUserById(id)).error?.code).toBe('user_not_found');
      const gone = await page.goto(here);
      expect(gone?.status()).toBe(404);
      await api.delete(ref);
    });
  });
}

test('factors are reset, identities unlinked, anonymous users and invitations made', async ({ page, server, api, dashboard }) => {
  const { ref, url, anon, admin } = await project(api, server, 'Factors');
  const users = new Users(page, server.url, ref);
  await api.configureAuth(ref, { external_anonymous_users_enabled: true });
  const body = { email: 'ann@example.com', phone: '+4915112345678', password: 'correct horse', email_confirm: true, phone_confirm: true };
  const { user } = good(await admin.createUser(body));
  const app = client(url, anon);
  good(await app.auth.signInWithPassword({ email: body.email, password: body.password }));
  good(await app.auth.mfa.enroll({ factorType: 'totp', friendlyName: 'My phone' }));

  await dashboard.open(`/project/${ref}/auth/users/${user!.id}`);
  const factors = users.sheet('Second factors and passkeys');
  await expect(factors.getByRole('listitem')).toContainText(['My phone']);
  await factors.getByText('Remove…').click();
  await factors.getByRole('button', { name: 'Remove Authenticator app My phone' }).click();
  await expect(users.done).toHaveText('The factor is removed.');
  await expect(factors).toContainText('None.');

  const identities = users.sheet('Identities');
  await identities.getByRole('listitem').filter({ hasText: 'Phone' }).getByText('Unlink…').click();
  await identities.getByRole('button', { name: 'Unlink Phone', exact: true }).click();
  await expect(users.done).toHaveText('The identity is unlinked.');
  await expect(identities.getByRole('listitem')).toHaveCount(1);
  await expect(identities.getByText('Unlink…'), 'the last one stays').toHaveCount(0);

  await dashboard.open(`/project/${ref}/auth/users/new`);
  await page.getByRole('button', { name: 'Add anonymous user' }).click();
  await expect(page.getByRole('heading', { name: 'Anonymous user' })).toBeVisible();
  await expect(users.sheet('Sessions')).toContainText('Signed in nowhere.');
  await dashboard.open(`/project/${ref}/auth/users/new`);
  const invite = users.sheet('Invite by e-mail');
  await invite.getByLabel('E-mail').fill('ann@example.com');
  await invite.getByRole('button', { name: 'Send invitation' }).click();
  await expect(invite.getByLabel('E-mail')).toHaveAccessibleDescription(/already been registered/);
  await expect(invite.getByLabel('E-mail')).toHaveValue('ann@example.com');
  await invite.getByLabel('E-mail').fill('bob@example.com');
  await invite.getByRole('button', { name: 'Send invitation' }).click();
  await expect(users.done).toHaveText('The invitation is on its way.');
  await page.getByRole('button', { name: 'Confirm the address' }).click();
  await expect(users.done).toHaveText('The address counts as confirmed.');
  await api.delete(ref);
});

test('many users are paged, ordered, chosen and searched by the address', async ({ page, server, api, dashboard }) => {
  const { ref, admin } = await project(api, server, 'Many');
  const users = new Users(page, server.url, ref);
  const name = (n: number) => `${createHash('md5').update(`${n}`).digest('hex').slice(0, 6)}-${n}@example.com`;
  for (let n = 0; n < 60; n++) good(await admin.createUser({ email: name(n), email_confirm: n % 3 === 0 }));
  await dashboard.open(`/project/${ref}/auth/users`);
  await expect(page.getByText('60 users')).toBeVisible();
  await expect(users.list).toHaveCount(50);
  await expect(users.names.first()).toHaveText(name(59));
  await page.getByRole('link', { name: 'Next' }).click();
  await expect(users.names).toHaveText([9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map(name));
  await page.getByRole('link', { name: 'Previous' }).click();
  await expect(users.names.first()).toHaveText(name(59));
  await page.goBack();
  await expect(users.names.first()).toHaveText(name(9));

  await users.choose('Sort by', 'E-mail');
  const sorted = Array.from({ length: 60 }, (_, n) => name(n)).sort();
  await expect(users.names).toHaveText(sorted.slice(0, 50));
  await users.choose('Show', 'Confirmed');
  await expect(users.names).toHaveText(sorted.filter((address) => Number(/-(\d+)@/.exec(address)![1]) % 3 === 0));
  await expect(page.getByText('20 users')).toBeVisible();
  await users.search('-3@');
  await expect(users.names).toHaveText([name(3)]);
  await users.search('nobody');
  await expect(page.getByRole('heading', { name: 'Nobody is found by this' })).toBeVisible();
  await page.goBack();
  await expect(users.names).toHaveText([name(3)]);
  await page.reload();
  await expect(users.names).toHaveText([name(3)]);
  expect((await page.goto(`${users.address}?after=x`))?.status()).toBe(400);
  await api.delete(ref);
});

test('the audit log tells what was done, and is chosen from', async ({ page, server, api, dashboard, quiet }) => {
  void quiet;
  const { ref, url, anon, admin } = await project(api, server, 'Log');
  await dashboard.open(`/project/${ref}/auth/users`);
  await page.getByRole('link', { name: 'Audit log' }).click();
  await expect(page.getByRole('heading', { name: 'Nothing has happened yet' })).toBeVisible();
  const { user } = good(await admin.createUser({ email: 'ann@example.com', password: 'correct horse', email_confirm: true }));
  good(await client(url, anon).auth.signInWithPassword({ email: 'ann@example.com', password: 'correct horse' }));
  await page.reload();
  const log = page.getByRole('list', { name: 'Audit log, newest first' }).getByRole('listitem');
  await expect(log).toContainText([/^ann@example.com signed in/, /^An administrator \(service_role\) made the user ann@example.com/]);
  await page.getByLabel('Action').selectOption('Login');
  await page.getByRole('button', { name: 'Filter' }).click();
  await expect(log).toHaveCount(1);
  await log.getByText('login', { exact: true }).click();
  await expect(log.locator('pre')).toContainText('"actor_username": "ann@example.com"');
  await log.getByRole('link', { name: 'ann@example.com' }).click();
  await page.waitForURL(`**/auth/users/${user!.id}`);
  await page.getByRole('link', { name: 'What the audit log says of this user' }).click();
  await expect(log).toHaveCount(2);
  await page.getByRole('searchbox').fill('nobody');
  await page.getByRole('button', { name: 'Filter' }).click();
  await expect(page.getByRole('heading', { name: 'Nothing is found by this' })).toBeVisible();
  await api.delete(ref);
});

test('a user is found and banned with the keyboard alone', async ({ page, server, api, dashboard }) => {
  const { ref, admin } = await project(api, server, 'Keys');
  const users = new Users(page, server.url, ref);
  good(await admin.createUser({ email: 'ann@example.com', email_confirm: true }));
  good(await admin.createUser({ email: 'bob@example.com', email_confirm: true }));
  await dashboard.open(`/project/${ref}/auth/users`);
  await tabTo(page, page.getByRole('searchbox'));
  await page.keyboard.type('ann');
  await page.keyboard.press('Enter');
  await expect(users.names).toHaveText(['ann@example.com']);
  await dashboard.ready();
  await tabTo(page, users.names);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'ann@example.com' })).toBeVisible();
  await dashboard.ready();
  await tabTo(page, users.sheet('Ban').getByLabel('For'));
  await page.keyboard.press('ArrowDown');
  await tabTo(page, users.sheet('Ban').getByRole('button', { name: 'Ban', exact: true }));
  await page.keyboard.press('Enter');
  await expect(users.sheet('Ban')).toContainText('Kept out until');
  await api.delete(ref);
});
