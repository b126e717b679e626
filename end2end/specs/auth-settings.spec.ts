import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { expect, type Locator, type Page } from '@playwright/test';
import type { ManagementApi } from '../support/api.ts';
import { Dashboard } from '../support/dashboard.ts';
import { test } from '../support/fixtures.ts';
import { artefacts } from '../support/server.ts';
import { psql } from '../support/sql.ts';
import { connectionUri } from '../support/dashboard-html.ts';

const PAGES = ['sign-in', 'providers', 'urls', 'sessions', 'messages', 'messages?mail=confirmation', 'hooks', 'limits', 'advanced'];
/** What Chromium says where a test's own scripts reach into the frame with the mail. */
const NO_SCRIPTS = /Blocked script execution in 'about:srcdoc'/;
const PASSWORD = 'settings-need-a-password';

let ref: string;

test.beforeAll(async ({ api }) => {
  ref = (await api.create({ name: 'Told by its settings', db_pass: PASSWORD })).ref;
});

test.afterAll(async ({ api }) => api.delete(ref));

const address = (page: string) => `/project/${ref}/auth/settings/${page}`;

/** A part of a page by its title. */
const part = (page: Page, title: string) => page.getByRole('region', { name: title, exact: true });

/** Sends the page's form by one of its buttons, and waits for the page that comes back. */
async function press(page: Page, name: string, within: Page | Locator = page): Promise<void> {
  const loaded = page.waitForEvent('load');
  await within.getByRole('button', { name, exact: true }).click();
  await loaded;
}

async function save(page: Page): Promise<void> {
  await press(page, 'Save');
  await expect(page.locator('.said')).toHaveText('Saved, and in force now.');
}

async function config(api: ManagementApi): Promise<Record<string, unknown>> {
  return (await api.fetch(`/v1/projects/${ref}/config/auth`)).json() as Promise<Record<string, unknown>>;
}

for (const [view, options] of Object.entries({
  light: { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 800 } },
} as const)) {
  test.describe(view, () => {
    test.use(options);

    test('every page of settings can be used by everybody', async ({ page, dashboard, quiet }) => {
      test.slow();
      quiet.allow(NO_SCRIPTS);
      mkdirSync(artefacts, { recursive: true });
      for (const path of PAGES) {
        await dashboard.open(address(path));
        const name = path.replace(/\W+/g, '-');
        await page.screenshot({ path: join(artefacts, `settings-${name}-${view}.png`), fullPage: true, animations: 'disabled' });
        const { violations } = await new AxeBuilder({ page })
          // Nothing runs in a mail, axe neither.
          .exclude('iframe')
          .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
          .analyze();
        expect.soft(violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.html) })), path).toEqual([]);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect.soft(overflow, `pixels that ${path} is wider than the window`).toBeLessThanOrEqual(0);
      }
    });
  });
}

test('a change is in force at once', async ({ page, dashboard, server, api }) => {
  const { publishable } = await api.keys(ref);
  const signUp = async (name: string) => {
    const response = await fetch(`${server.projectUrl(ref)}/auth/v1/signup`, {
      method: 'POST',
      headers: { apikey: publishable, 'content-type': 'application/json' },
      body: JSON.stringify({ email: `${name}@example.com`, password: 'correct horse battery' }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  expect((await signUp('before')).status).toBe(200);

  await dashboard.open(address('sign-in'));
  await part(page, 'Sign-up').getByLabel('Anybody may sign up').uncheck();
  await save(page);
  await expect(page.getByRole('status'), 'who listens is told').toBeFocused();
  await expect(part(page, 'Sign-up').getByLabel('Anybody may sign up')).not.toBeChecked();
  expect((await config(api)).disable_signup).toBe(true);
  const refused = await signUp('after');
  expect([refused.status, refused.body.error_code]).toEqual([422, 'signup_disabled']);

  await part(page, 'Sign-up').getByLabel('Anybody may sign up').check();
  await part(page, 'E-mail').getByLabel('New addresses have to be confirmed').uncheck();
  await save(page);
  expect(await config(api)).toMatchObject({ disable_signup: false, mailer_autoconfirm: true });
  expect((await signUp('confirmed')).body).toHaveProperty('access_token');
  await press(page, 'Save');
  await expect(page.getByRole('status')).toHaveText('Nothing is changed here, so that nothing was saved.');
  await api.configureAuth(ref, { mailer_autoconfirm: null });
});

test('only what was changed is saved, and nothing is lost where something is wrong', async ({ page, dashboard, api }) => {
  await dashboard.open(address('sessions'));
  // Somebody else is at work, too.
  await api.configureAuth(ref, { sessions_timebox: 12 });
  const sessions = part(page, 'Sessions');
  await sessions.getByLabel('Access tokens are valid for').fill('a week');
  await sessions.getByLabel('A session that is not used ends after').fill('0.5');
  await press(page, 'Save');
  const wrong = sessions.getByLabel('Access tokens are valid for');
  await expect(wrong).toBeFocused();
  await expect(wrong).toHaveValue('a week');
  await expect(wrong).toHaveAttribute('aria-invalid', 'true');
  await expect(wrong).toHaveAccessibleDescription(/This must be a whole number from 0 to 604800\./);
  await expect(sessions.getByLabel('A session that is not used ends after')).toHaveValue('0.5');
  expect((await config(api)).sessions_inactivity_timeout).toBe(0);

  await wrong.fill('7200');
  await wrong.press('Enter');
  await expect(page.getByRole('status')).toHaveText('Saved, and in force now.');
  expect(await config(api)).toMatchObject({ jwt_exp: 7200, sessions_inactivity_timeout: 0.5, sessions_timebox: 12 });
  await api.configureAuth(ref, { jwt_exp: null, sessions_inactivity_timeout: null, sessions_timebox: null });
});

test('a change is shown as a command that makes it', async ({ page, dashboard, api }) => {
  await dashboard.open(address('messages'));
  const smtp = part(page, 'Mail server (SMTP)');
  await smtp.getByLabel('Host').fill('mail.example.com');
  await smtp.getByLabel('Password').fill('never-shown');
  await press(page, 'Show as curl');
  const command = page.getByRole('group', { name: 'This change as a command' });
  await expect(command).toContainText(`curl -X PATCH --json '{"smtp_host":"mail.example.com","smtp_pass":"<smtp_pass>"}'`);
  await expect(command).toContainText(`/v1/projects/${ref}/config/auth`);
  await expect(smtp.getByLabel('Host')).toHaveValue('mail.example.com');
  expect(await page.content()).not.toContain('never-shown');
  expect((await config(api)).smtp_host, 'nothing is saved').toBeNull();
});

test('a secret goes in and never comes out', async ({ page, dashboard, api }) => {
  await dashboard.open(address('providers?q=git'));
  await expect(page.locator('summary:visible')).toHaveText([/GitHub/, /GitLab/]);
  await dashboard.open(address('providers?q=github'));
  const github = page.locator('#github');
  await expect(github.getByRole('group', { name: 'Callback URL' })).toContainText('/auth/v1/callback');
  await github.getByLabel('Users may sign in by it').check();
  await github.getByLabel('Client ID').fill('Iv1.0123');
  await github.getByLabel('Client secret').fill('whispered-to-github');
  await save(page);
  await expect(github.locator('summary')).toContainText('On');
  await expect(github.getByLabel('Client secret')).toHaveValue('');
  await expect(github.getByText('Set', { exact: true })).toBeVisible();
  expect(await page.content()).not.toContain('whispered');
  const told = await config(api);
  expect(told).toMatchObject({ external_github_enabled: true, external_github_client_id: 'Iv1.0123' });
  expect(told.external_github_secret).toMatch(/^[0-9a-f]{64}$/);

  // Kept where it is left empty, removed where that is asked for.
  await github.getByLabel('Client ID').fill('Iv1.4567');
  await save(page);
  expect((await config(api)).external_github_secret).toBe(told.external_github_secret);
  await github.getByLabel('Remove it').check();
  await github.getByLabel('Users may sign in by it').uncheck();
  await save(page);
  await expect(github.getByText('Not set')).toBeVisible();
  expect(await config(api)).toMatchObject({ external_github_secret: null, external_github_enabled: false });
});

test('a mail is seen before it is sent', async ({ page, dashboard, api, quiet }) => {
  quiet.allow(/status of 422|status 422/);
  quiet.allow(NO_SCRIPTS);
  await dashboard.open(address('messages'));
  await page.getByRole('link', { name: 'Confirmation of a sign-up' }).click();
  await dashboard.ready();
  const mail = page.frameLocator('iframe[title="Preview of the mail"]');
  await expect(mail.getByRole('link')).toHaveAttribute('href', /\/auth\/v1\/verify\?.*type=signup/);
  await page.getByLabel('Subject').fill('Welcome, {{ .Email }}');
  await page.getByLabel('Text (HTML)').fill('<h1 style="color: rgb(1, 2, 3)">Hello {{ .Data.full_name }}</h1>\n<p>{{ .Token }</p>');
  await press(page, 'Preview');
  await expect(page.getByLabel('Text (HTML)')).toHaveAccessibleDescription(/Line 2: /);
  await press(page, 'Save');
  await expect(page.getByLabel('Text (HTML)'), 'what could not be sent is not saved').toHaveAccessibleDescription(/Line 2: /);
  expect((await config(api)).mailer_subjects_confirmation).toBeNull();

  await page.getByLabel('Text (HTML)').fill('<h1 style="color: rgb(1, 2, 3)">Hello {{ .Data.full_name }}</h1>');
  await press(page, 'Preview');
  await expect(page.getByRole('region', { name: 'Preview with an example' })).toContainText('Welcome, jo@example.com');
  await expect(mail.getByRole('heading')).toHaveText('Hello Jo Example');
  await expect(mail.getByRole('heading'), 'styles of the mail are seen').toHaveCSS('color', 'rgb(1, 2, 3)');
  await save(page);
  expect((await config(api)).mailer_subjects_confirmation).toBe('Welcome, {{ .Email }}');
  await page.getByText('Back to the standard…', { exact: true }).click();
  await press(page, 'Back to the standard');
  await expect(page.getByLabel('Subject')).toHaveValue('Confirm Your Signup');
  await expect(page.getByText('Back to the standard…'), 'there is nothing to go back from').toHaveCount(0);
  expect(await config(api)).toMatchObject({ mailer_subjects_confirmation: null, mailer_templates_confirmation_content: null });
  await press(page, 'Save');
  expect((await config(api)).mailer_templates_confirmation_content, 'the standard is no text of its own').toBeNull();
});

test('a test message goes where mails go', async ({ page, dashboard }) => {
  await dashboard.open(address('messages'));
  await page.getByLabel('Address for a test message').fill('me@example.com');
  await press(page, 'Send a test message');
  await expect(page.getByRole('status')).toContainText('is in the mailbox');
  await dashboard.open(`/project/${ref}/auth/mailbox`);
  await expect(page.getByRole('link', { name: 'A test of your SMTP settings' })).toBeVisible();
});

test('a hook is one of the functions that there are', async ({ page, dashboard, server, api }) => {
  const uri = await connectionUri(server.url, ref, PASSWORD);
  await psql(
    uri,
    `create function public.claims(event jsonb) returns jsonb language sql as 'select event';
     revoke execute on function public.claims from public;`,
  );
  await dashboard.open(address('hooks'));
  const hook = part(page, 'Custom access token');
  await expect(hook.getByLabel('Function', { exact: true })).toBeHidden();
  await hook.getByLabel('PostgreSQL function').check();
  await expect(hook.locator('datalist option')).toHaveAttribute('value', 'public.claims');
  await hook.getByLabel('Function', { exact: true }).fill('public.claims');
  await save(page);
  await expect(hook).toContainText('grant execute on function public.claims to supabase_auth_admin');
  expect(await config(api)).toMatchObject({
    hook_custom_access_token_enabled: true,
    hook_custom_access_token_uri: 'pg-functions://postgres/public/claims',
  });
  await hook.getByLabel('Off', { exact: true }).check();
  await save(page);
  await expect(hook.getByText('Off', { exact: true }).first()).toBeVisible();

  const mails = part(page, 'Send e-mail');
  await mails.getByLabel('HTTPS').check();
  await mails.getByLabel('URL').fill('http://elsewhere.example.com');
  await press(page, 'Make one up', mails);
  const secret = await mails.getByRole('group', { name: 'New secret' }).locator('code').innerText();
  expect(secret).toMatch(/^v1,whsec_[\w+/]{43}=$/);
  await press(page, 'Save');
  await expect(mails.getByLabel('URL')).toHaveAccessibleDescription(/This must be/);
  await expect(mails.getByRole('group', { name: 'New secret' }), 'nothing is lost').toContainText(secret);
  await mails.getByLabel('URL').fill('https://elsewhere.example.com');
  await save(page);
  expect(await config(api)).toMatchObject({ hook_send_email_enabled: true, hook_send_email_uri: 'https://elsewhere.example.com' });
  expect((await config(api)).hook_send_email_secrets).toMatch(/^[0-9a-f]{64}$/);
  await api.configureAuth(ref, { hook_send_email_enabled: null, hook_send_email_uri: null, hook_send_email_secrets: null });
});

test('a form of another site changes nothing, and one that is wrong is answered so', async ({ server, api }) => {
  const post = async (page: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${server.url}${address(page)}`, { method: 'POST', body: new URLSearchParams(form), headers, redirect: 'manual' });
  expect((await post('sessions', { jwt_exp: '60' }, { origin: 'http://evil.example' })).status).toBe(403);
  expect((await post('sessions', { jwt_exp: '60' })).status, 'not whole').toBe(422);
  expect((await post('sessions', { was: '{}', jwt_exp: 'soon' })).status).toBe(422);
  expect((await post('nowhere', {})).status).toBe(404);
  expect((await config(api)).jwt_exp).toBe(3600);
});

test.describe('without scripts', () => {
  test.use({ javaScriptEnabled: false });

  test('rows are added and taken away, an address is tried, and all of it is saved', async ({ page, server, api }) => {
    const dashboard = new Dashboard(page, server.url, false);
    await dashboard.open(address('urls'));
    const redirects = part(page, 'Site and redirects');
    await redirects.getByLabel('Site URL').fill('https://app.example.com');
    await redirects.getByLabel('Redirect URLs, row 1').fill('https://*.example.com/**');
    await press(page, 'Add a row');
    await redirects.getByLabel('Redirect URLs, row 2').fill('app://{one,two}/back');
    await press(page, 'Add a row');
    await redirects.getByLabel('Redirect URLs, row 3').fill('https://gone.example.net');
    const tried = async (address: string) => {
      await redirects.getByLabel('Would this address be allowed?').fill(address);
      await press(page, 'Try');
      return redirects.getByRole('status').innerText();
    };
    expect(await tried('https://app.example.com/welcome')).toContain('it is on the site');
    expect(await tried('https://preview.example.com/a/b')).toContain('Allowed by https://*.example.com/**');
    expect(await tried('https://evil.example.net')).toContain('Not allowed');
    await press(page, 'Remove row 3');
    await expect(redirects.getByLabel('Redirect URLs, row 3')).toHaveValue('');
    expect((await config(api)).site_url, 'nothing was saved until now').toBe('http://localhost:3000');
    await save(page);
    expect(await config(api)).toMatchObject({
      site_url: 'https://app.example.com',
      uri_allow_list: 'https://*.example.com/**,app://{one,two}/back',
    });
    await expect(redirects.getByLabel('Redirect URLs, row 2')).toHaveValue('app://{one,two}/back');

    await redirects.getByLabel('Site URL').fill('nowhere');
    await press(page, 'Save');
    await expect(redirects.getByLabel('Site URL')).toHaveValue('nowhere');
    await expect(redirects.getByLabel('Site URL')).toHaveAccessibleDescription(/This must be an absolute URL/);
    await api.configureAuth(ref, { site_url: null, uri_allow_list: null });
  });
});
