import { createHash } from 'node:crypto';
import type { Page } from '@playwright/test';
import { createClient } from '@supabase/supabase-js';
import { ManagementApi, type Project } from '../support/api.ts';
import { Certificate } from '../support/certificate.ts';
import { expect, test } from '../support/fixtures.ts';
import { Mailbox } from '../support/mailbox.ts';
import { accounts, button, CANCEL, client, keycloakClient, OidcProvider } from '../support/oidc-provider.ts';
import { Server } from '../support/server.ts';
import { type FlowType, SignInApp } from '../support/sign-in-app.ts';

const CUSTOM = 'custom:ours';
const PASSWORD = 'correct horse battery';

let server: Server;
let api: ManagementApi;
let project: Project;
let provider: OidcProvider;
let app: SignInApp;
let mailbox: Mailbox;

// The provider's certificate is the machine's own affair.
test.use({ ignoreHTTPSErrors: true });

test.beforeAll(async ({}, info) => {
  const certificate = new Certificate();
  server = await Server.start({
    name: `social-${info.parallelIndex}`,
    env: { SSL_CERT_FILE: certificate.file, SUPACLOUD_PROJECT__ALLOWED_NETWORKS: '127.0.0.0/8' },
  });
  api = new ManagementApi(server.url);
  project = await api.create({ name: 'Social' });
  const keys = await api.keys(project.ref);
  app = await SignInApp.of(project.api_url, keys.publishable);
  provider = await OidcProvider.start([`${project.api_url}/auth/v1/callback`, app.at('pkce', 'id-token')], { certificate });
  mailbox = new Mailbox(server.projectUrl(project.ref), keys.secret);
  await api.configureAuth(project.ref, {
    site_url: `${app.origin}/implicit/site`,
    security_manual_linking_enabled: true,
    external_keycloak_enabled: true,
    external_keycloak_client_id: keycloakClient.client_id,
    external_keycloak_secret: keycloakClient.client_secret,
    external_keycloak_url: provider.issuer,
  });
  const admin = createClient(server.projectUrl(project.ref), keys.secret).auth.admin;
  const { error } = await admin.customProviders.createProvider({
    provider_type: 'oidc',
    identifier: CUSTOM,
    name: 'Ours',
    client_id: client.client_id,
    client_secret: client.client_secret,
    issuer: provider.issuer,
    scopes: ['email', 'profile'],
  });
  expect(error).toBeNull();
});

test.afterAll(async () => {
  await provider?.stop();
  await app?.stop();
  await server?.stop();
});

/** From the application to the provider, where somebody presses a button. */
async function choose(page: Page, words: string): Promise<void> {
  await page.getByRole('button', { name: words, exact: true }).click();
}

/** A user with an address and a password, signed in. */
async function signedUp(page: Page, email: string): Promise<void> {
  await page.goto(app.at('implicit'));
  const options = { emailRedirectTo: app.at('implicit') };
  await app.done(page, (auth, credentials) => auth.signUp(credentials), { email, password: PASSWORD, options });
  await page.goto(await mailbox.link(email, 'confirmation'));
  await app.back(page, 'implicit');
  await app.signedIn(page);
}

for (const [name, options, who] of [
  [CUSTOM, {}, accounts[0]],
  ['keycloak', { scopes: 'openid' }, accounts[1]],
] as const) {
  for (const flow of ['implicit', 'pkce'] as const satisfies FlowType[]) {
    test(`signing in by ${name}, ${flow}`, async ({ page }) => {
      await page.goto(app.at(flow));
      await app.leave(page, (auth, given) => auth.signInWithOAuth(given), {
        provider: name as 'keycloak',
        options: { ...options, redirectTo: app.at(flow, 'welcome') },
      });
      await choose(page, button(who.name));
      await app.back(page, flow);
      const { user, provider_token } = await app.signedIn(page);
      expect(new URL(page.url()).pathname).toBe(`/${flow}/welcome`);
      expect(page.url(), 'nothing of it is left in the address').not.toMatch(/code=|access_token=/);
      expect(user).toMatchObject({
        email: who.email,
        app_metadata: { provider: name, providers: [name] },
        user_metadata: { full_name: who.name, email_verified: true, provider_id: who.sub, iss: provider.issuer },
        identities: [{ provider: name, id: who.sub }],
      });
      expect(provider_token).toMatch(/./);

      // The session is one like any other.
      expect((await app.done(page, (auth) => auth.refreshSession())).session?.user.id).toBe(user.id);
      expect((await app.done(page, (auth) => auth.getUser())).user.email).toBe(who.email);
      expect((await app.ask(page, (auth) => auth.signOut())).error).toBeNull();
    });
  }
}

test('an identity is linked, signs in, and is unlinked', async ({ page }) => {
  const who = accounts[2];
  await signedUp(page, 'linker@example.com');
  const { user } = await app.signedIn(page);
  await app.leave(page, (auth, given) => auth.linkIdentity(given), {
    provider: CUSTOM,
    options: { redirectTo: app.at('implicit', 'linked') },
  } as const);
  await choose(page, button(who.name));
  await app.back(page, 'implicit');
  const linked = await app.signedIn(page);
  expect([linked.user.id, linked.user.email]).toEqual([user.id, 'linker@example.com']);
  expect(linked.user.app_metadata.providers).toEqual(['email', CUSTOM]);

  // The same once more is refused, and says why.
  await app.leave(page, (auth, given) => auth.linkIdentity(given), {
    provider: CUSTOM,
    options: { redirectTo: app.at('implicit', 'again') },
  } as const);
  await page.waitForURL((url) => url.pathname === '/implicit/again');
  expect((await app.ask(page, (auth) => auth.initialize())).error).toMatchObject({ message: 'Identity is already linked' });

  // Whoever comes by it is the same user.
  expect((await app.ask(page, (auth) => auth.signOut())).error).toBeNull();
  await app.leave(page, (auth, given) => auth.signInWithOAuth(given), {
    provider: CUSTOM,
    options: { redirectTo: app.at('implicit', 'by-link') },
  } as const);
  await page.waitForURL((url) => url.pathname === '/implicit/by-link');
  expect((await app.signedIn(page)).user.id).toBe(user.id);

  const { identities } = await app.done(page, (auth) => auth.getUserIdentities());
  const identity = identities.find(({ provider }) => provider === CUSTOM)!;
  await app.done(page, (auth, identity) => auth.unlinkIdentity(identity), identity);
  const left = await app.done(page, (auth) => auth.getUserIdentities());
  expect(left.identities.map(({ provider }) => provider)).toEqual(['email']);
  const last = await app.ask(page, (auth, identity) => auth.unlinkIdentity(identity), left.identities[0]!);
  expect(last.error?.code).toBe('single_identity_not_deletable');
});

test('an identity is linked by an id token, and by PKCE', async ({ page }) => {
  const who = accounts[5];
  const nonce = 'only once';
  const token = await idToken(page, who.name, createHash('sha256').update(nonce).digest('hex'));
  await signedUp(page, 'token-linker@example.com');
  const { user } = await app.signedIn(page);
  const linked = await app.done(page, (auth, given) => auth.linkIdentity(given), { provider: CUSTOM, token, nonce });
  expect([linked.user?.id, linked.user?.app_metadata.providers]).toEqual([user.id, ['email', CUSTOM]]);

  // The session is kept for all of the application's pages.
  await page.goto(app.at('pkce'));
  await app.leave(page, (auth, given) => auth.linkIdentity(given), {
    provider: 'keycloak',
    options: { redirectTo: app.at('pkce', 'linked'), scopes: 'openid' },
  } as const);
  await page.waitForURL((url) => url.pathname === '/pkce/linked');
  expect((await app.signedIn(page)).user.app_metadata.providers).toEqual(['email', CUSTOM, 'keycloak']);
});

test('an address for which the provider does not vouch is confirmed first', async ({ page }) => {
  const who = accounts[6];
  const signIn = async () => {
    await page.goto(app.at('implicit'));
    await app.leave(page, (auth, given) => auth.signInWithOAuth(given), {
      provider: CUSTOM,
      options: { redirectTo: app.at('implicit', 'welcome') },
    } as const);
  };
  await signIn();
  await choose(page, button(who.name));
  await app.back(page, 'implicit');
  expect(page.url()).toContain('error_code=provider_email_needs_verification');
  expect(await app.session(page)).toBeNull();
  await page.goto(await mailbox.link(who.email, 'confirmation'));
  await app.back(page, 'implicit');
  const { user } = await app.signedIn(page);
  expect(user.email).toBe(who.email);
  expect((await app.ask(page, (auth) => auth.signOut())).error).toBeNull();
  await signIn();
  await page.waitForURL((url) => url.pathname === '/implicit/welcome');
  expect((await app.signedIn(page)).user.id).toBe(user.id);
});

test('linking is for projects that allow it', async ({ page }) => {
  await signedUp(page, 'unlinked@example.com');
  await api.configureAuth(project.ref, { security_manual_linking_enabled: false });
  const refused = await app.ask(page, (auth, given) => auth.linkIdentity(given), { provider: CUSTOM } as const);
  await api.configureAuth(project.ref, { security_manual_linking_enabled: true });
  expect(refused.error).toMatchObject({ code: 'manual_linking_disabled', status: 404 });
});

for (const flow of ['implicit', 'pkce'] as const) {
  test(`whoever refuses at the provider comes back with the reason, ${flow}`, async ({ page }) => {
    await page.goto(app.at(flow));
    await app.leave(page, (auth, given) => auth.signInWithOAuth(given), {
      provider: CUSTOM,
      options: { redirectTo: app.at(flow, 'refused') },
    } as const);
    await choose(page, CANCEL);
    await app.back(page, flow);
    const { hash, searchParams } = new URL(page.url());
    for (const members of [new URLSearchParams(hash.slice(1)), searchParams]) {
      expect(members.get('error')).toBe('access_denied');
      expect(members.get('error_description')).toBe('The one who was asked has cancelled');
    }
    expect((await app.ask(page, (auth) => auth.initialize())).error?.message).toBe('The one who was asked has cancelled');
    expect(await app.session(page)).toBeNull();
  });
}

test('nobody is sent to an address that is not allowed', async ({ page }) => {
  await page.goto(app.at('implicit'));
  await app.leave(page, (auth, given) => auth.signInWithOAuth(given), {
    provider: CUSTOM,
    options: { redirectTo: 'https://evil.example/steal' },
  } as const);
  await choose(page, button(accounts[0].name));
  await page.waitForURL((url) => url.href.startsWith(`${app.origin}/#access_token=`));

  // Who tells nothing of where it comes from goes to the site.
  const hostile = ['https://evil.example/', `${app.origin}@evil.example/`, 'https://localhost.evil.example/', '//evil.example/', 'javascript:alert(1)'];
  for (const redirectTo of hostile) {
    const begun = await page.request.get(`${server.projectUrl(project.ref)}/auth/v1/authorize`, {
      params: { provider: CUSTOM, redirect_to: redirectTo },
      maxRedirects: 0,
    });
    const state = new URL(begun.headers().location!).searchParams.get('state')!;
    const back = await page.request.get(`${server.projectUrl(project.ref)}/auth/v1/callback`, {
      params: { state, error: 'access_denied' },
      maxRedirects: 0,
    });
    expect(back.headers().location, redirectTo).toMatch(new RegExp(`^${app.origin}/implicit/site[?]`));
  }

  // What the settings list is.
  await api.configureAuth(project.ref, { uri_allow_list: 'https://elsewhere.example/**' });
  await page.route('https://elsewhere.example/**', (route) => route.fulfill({ body: 'elsewhere' }));
  await page.goto(app.at('implicit'));
  await app.leave(page, (auth, given) => auth.signInWithOAuth(given), {
    provider: CUSTOM,
    options: { redirectTo: 'https://elsewhere.example/a/b' },
  } as const);
  await page.waitForURL(/^https:\/\/elsewhere\.example\/a\/b#access_token=/);
});

test('a state that nobody has given, and one that was used, lead to the site with an error', async ({ page }) => {
  await page.goto(`${project.api_url}/auth/v1/callback?code=1&state=made-up`);
  await app.back(page, 'implicit');
  expect((await app.ask(page, (auth) => auth.initialize())).error?.message).toMatch(/state/i);
  expect(page.url()).toContain('error_code=bad_oauth_state');

  let callback = '';
  page.on('request', (request) => {
    if (request.url().startsWith(`${project.api_url}/auth/v1/callback?`)) callback = request.url();
  });
  await page.goto(app.at('implicit'));
  await app.leave(page, (auth, given) => auth.signInWithOAuth(given), {
    provider: CUSTOM,
    options: { redirectTo: app.at('implicit') },
  } as const);
  await choose(page, button(accounts[0].name));
  await app.back(page, 'implicit');
  await app.signedIn(page);
  await page.goto(callback);
  await app.back(page, 'implicit');
  expect(new URL(page.url()).searchParams.get('error')).toMatch(/./);
});

/** An id token of somebody's, as an application gets it from the provider by itself. */
async function idToken(page: Page, name: string, nonce?: string): Promise<string> {
  const verifier = 'a-verifier-that-is-long-enough-to-be-one-of-rfc-7636';
  const redirectUri = app.at('pkce', 'id-token');
  const query = new URLSearchParams({
    client_id: client.client_id,
    response_type: 'code',
    scope: 'openid email profile',
    claims: JSON.stringify({ id_token: { email: null, email_verified: null, name: null } }),
    redirect_uri: redirectUri,
    code_challenge_method: 'S256',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    ...(nonce ? { nonce } : {}),
  });
  await page.goto(`${provider.issuer}/protocol/openid-connect/auth?${query}`);
  await choose(page, button(name));
  await app.back(page, 'pkce');
  const answer = await page.request.post(`${provider.issuer}/protocol/openid-connect/token`, {
    headers: { authorization: `Basic ${btoa(`${client.client_id}:${encodeURIComponent(client.client_secret)}`)}` },
    form: {
      grant_type: 'authorization_code',
      code: new URL(page.url()).searchParams.get('code')!,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    },
  });
  expect(answer.status(), await answer.text()).toBe(200);
  return ((await answer.json()) as { id_token: string }).id_token;
}

test('an id token signs in with its nonce, and with none or another it does not', async ({ page }) => {
  const who = accounts[3];
  const nonce = 'only once';
  const token = await idToken(page, who.name, createHash('sha256').update(nonce).digest('hex'));
  const signIn = (given: { token: string; nonce?: string }) =>
    app.ask(page, (auth, given) => auth.signInWithIdToken(given), { provider: CUSTOM, ...given });

  expect((await signIn({ token, nonce: 'another' })).error).toMatchObject({ message: 'Nonces mismatch', status: 400 });
  expect((await signIn({ token })).error?.message).toMatch(/nonce/);
  const [header, payload, signature] = token.split('.');
  const other = JSON.stringify({ ...JSON.parse(atob(payload!)), sub: accounts[0].sub });
  const forged = [header, Buffer.from(other).toString('base64url'), signature].join('.');
  expect((await signIn({ token: forged, nonce })).error?.status).toBe(400);
  expect(await app.session(page)).toBeNull();

  const { data, error } = await signIn({ token, nonce });
  expect(error).toBeNull();
  expect(data?.user).toMatchObject({ email: who.email, app_metadata: { provider: CUSTOM } });
  expect((await app.signedIn(page)).user.id).toBe(data?.user?.id);
});

test('an id token without a nonce signs in without one', async ({ page }) => {
  const who = accounts[4];
  const token = await idToken(page, who.name);
  const nonce = await app.ask(page, (auth, given) => auth.signInWithIdToken(given), { provider: CUSTOM, token, nonce: 'made up' });
  expect(nonce.error?.message).toMatch(/nonce/);
  const { user } = await app.done(page, (auth, given) => auth.signInWithIdToken(given), { provider: CUSTOM, token });
  expect(user?.email).toBe(who.email);
});
