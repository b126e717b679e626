import type { Page } from '@playwright/test';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import * as openid from 'openid-client';
import type { Project } from '../support/api.ts';
import { expect, test } from '../support/fixtures.ts';
import { Mailbox } from '../support/mailbox.ts';
import { claims, SignInApp } from '../support/sign-in-app.ts';
import { totp } from '../support/totp.ts';

const PASSWORD = 'correct horse battery';
const FLOWS = ['implicit', 'pkce'] as const;

let project: Project;
let app: SignInApp;
let mailbox: Mailbox;
let admin: SupabaseClient['auth']['admin'];

// Nothing is set before it is needed: what a new project does by itself is what this is about.
test.beforeAll(async ({ api, server }) => {
  project = await api.create({ name: 'Sign-in flows' });
  const { publishable, secret } = await api.keys(project.ref);
  app = await SignInApp.of(project.api_url, publishable);
  mailbox = new Mailbox(server.projectUrl(project.ref), secret);
  admin = createClient(server.projectUrl(project.ref), secret).auth.admin;
});

test.afterAll(async ({ api }) => {
  await app?.stop();
  if (project) await api.delete(project.ref);
});

/** A user with a password whose address is confirmed, made by an administrator and signed in at a page. */
async function signedIn(page: Page, email: string): Promise<void> {
  const { error } = await admin.createUser({ email, password: PASSWORD, email_confirm: true });
  expect(error).toBeNull();
  await page.goto(app.at('pkce'));
  await app.done(page, (auth, credentials) => auth.signInWithPassword(credentials), { email, password: PASSWORD });
}

/** Follows the link of somebody's newest mail, back to the application. */
async function follow(page: Page, email: string, kind: string): Promise<void> {
  await page.goto(await mailbox.link(email, kind));
  await page.waitForURL((url) => url.origin === app.origin);
}

async function signOut(page: Page): Promise<void> {
  expect((await app.ask(page, (auth) => auth.signOut())).error).toBeNull();
}

test('a magic link is read in the dashboard of a fresh machine, and signs in', async ({ page, server, context }) => {
  const email = 'first@example.com';
  await page.goto(app.at('implicit'));
  await app.done(page, (auth, given) => auth.signInWithOtp(given), {
    email,
    options: { emailRedirectTo: app.at('implicit', 'welcome'), data: { name: 'The first' } },
  });

  // What somebody at the dashboard does: choose the message, and follow its link into a window of its own.
  await page.goto(`${server.url}/project/${project.ref}/auth/mailbox`);
  const line = page.getByRole('list', { name: /^Messages/ }).getByRole('listitem').filter({ hasText: email });
  await line.getByRole('link').click();
  const opened = context.waitForEvent('page');
  await page.getByRole('main').getByRole('link', { name: /\/auth\/v1\/verify\?/ }).click();
  const welcome = await opened;
  await welcome.waitForURL((url) => url.href.startsWith(app.at('implicit', 'welcome')));
  const session = await app.signedIn(welcome);
  expect(session.user).toMatchObject({ email, user_metadata: { name: 'The first' }, app_metadata: { provider: 'email' } });
  expect(new URL(welcome.url()).hash, 'the tokens are taken out of the address').toBe('');
  await app.untilTold(welcome, 'SIGNED_IN');

  // It works once.
  const second = await context.newPage();
  await second.goto(app.at('implicit'));
  await signOut(second);
  await follow(second, email, 'confirmation');
  expect((await app.ask(second, (auth) => auth.initialize())).error?.message).toBe('Email link is invalid or has expired');
  expect(second.url()).toContain('error_code=otp_expired');
  expect(await app.session(second)).toBeNull();
});

for (const flow of FLOWS) {
  test(`confirming a sign-up, a magic link and a recovery by link, ${flow}`, async ({ page, api }) => {
    await api.configureAuth(project.ref, { smtp_max_frequency: 0 });
    const email = `${flow}@example.com`;
    await page.goto(app.at(flow));
    const signedUp = await app.done(page, (auth, given) => auth.signUp(given), {
      email,
      password: PASSWORD,
      options: { emailRedirectTo: app.at(flow, 'confirmed') },
    });
    expect([signedUp.session, signedUp.user?.email]).toEqual([null, email]);
    await follow(page, email, 'confirmation');
    expect((await app.signedIn(page)).user.email).toBe(email);
    expect(page.url().replace(/#$/, '')).toBe(app.at(flow, 'confirmed'));
    await signOut(page);

    await app.done(page, (auth, given) => auth.signInWithOtp(given), {
      email,
      options: { shouldCreateUser: false, emailRedirectTo: app.at(flow, 'magic') },
    });
    await follow(page, email, 'magic_link');
    expect(claims(await app.signedIn(page)).amr).toMatchObject([{ method: flow === 'pkce' ? 'magiclink' : 'otp' }]);
    await signOut(page);

    await app.done(page, (auth, [email, redirectTo]) => auth.resetPasswordForEmail(email!, { redirectTo: redirectTo! }), [
      email,
      app.at(flow, 'new-password'),
    ]);
    await follow(page, email, 'recovery');
    await app.signedIn(page);
    await app.untilTold(page, 'PASSWORD_RECOVERY');
    await app.done(page, (auth) => auth.updateUser({ password: 'a new password' }));
    await signOut(page);
    const before = await app.ask(page, (auth, given) => auth.signInWithPassword(given), { email, password: PASSWORD });
    expect(before.error?.code).toBe('invalid_credentials');
    await app.done(page, (auth, given) => auth.signInWithPassword(given), { email, password: 'a new password' });
  });

  test(`an address is changed when both addresses agree, ${flow}`, async ({ page }) => {
    const [before, after] = [`before-${flow}@example.com`, `after-${flow}@example.com`];
    await signedIn(page, before);
    const { user } = await app.signedIn(page);
    await page.goto(app.at(flow));
    await app.done(page, (auth, [email, emailRedirectTo]) => auth.updateUser({ email: email! }, { emailRedirectTo: emailRedirectTo! }), [
      after,
      app.at(flow, 'changed'),
    ]);
    await follow(page, before, 'email_change');
    expect(decodeURIComponent(page.url()).replaceAll('+', ' ')).toContain('Please proceed to confirm link sent to the other email');
    expect((await app.done(page, (auth) => auth.getUser())).user.email, 'one of two').toBe(before);
    await follow(page, after, 'email_change');
    const changed = await app.signedIn(page);
    expect([changed.user.id, changed.user.email, changed.user.new_email]).toEqual([user.id, after, undefined]);
    await signOut(page);
    await app.done(page, (auth, given) => auth.signInWithPassword(given), { email: after, password: PASSWORD });
  });
}

test('a code signs in, once', async ({ page }) => {
  const email = 'code@example.com';
  await page.goto(app.at('pkce'));
  await app.done(page, (auth, email) => auth.signInWithOtp({ email }), email);
  const code = await mailbox.code(email, 'confirmation');
  const verify = (token: string) => app.ask(page, (auth, given) => auth.verifyOtp({ ...given, type: 'email' }), { email, token });
  const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
  expect((await verify(wrong)).error?.code).toBe('otp_expired');
  expect((await verify(code)).error).toBeNull();
  expect((await app.signedIn(page)).user.email).toBe(email);
  expect((await verify(code)).error?.code).toBe('otp_expired');
});

test('an invitation is accepted, and the password set', async ({ page }) => {
  const email = 'invited@example.com';
  const { data, error } = await admin.inviteUserByEmail(email, { redirectTo: app.at('implicit', 'join'), data: { team: 'blue' } });
  expect(error).toBeNull();
  await follow(page, email, 'invite');
  const { user } = await app.signedIn(page);
  expect([user.id, user.user_metadata.team]).toEqual([data.user!.id, 'blue']);
  expect(page.url().replace(/#$/, '')).toBe(app.at('implicit', 'join'));
  await app.done(page, (auth, password) => auth.updateUser({ password }), PASSWORD);
  await signOut(page);
  await app.done(page, (auth, given) => auth.signInWithPassword(given), { email, password: PASSWORD });
});

test('somebody anonymous becomes a user with an address and a password', async ({ page, api }) => {
  await page.goto(app.at('pkce'));
  expect((await app.ask(page, (auth) => auth.signInAnonymously())).error?.code).toBe('anonymous_provider_disabled');
  await api.configureAuth(project.ref, { external_anonymous_users_enabled: true });
  const { user } = await app.done(page, (auth) => auth.signInAnonymously());
  expect([user?.is_anonymous, claims(await app.signedIn(page)).is_anonymous]).toEqual([true, true]);

  const email = 'permanent@example.com';
  await app.done(page, (auth, given) => auth.updateUser(given), { email });
  await follow(page, email, 'email_change');
  await app.done(page, (auth, password) => auth.updateUser({ password }), PASSWORD);
  await app.done(page, (auth) => auth.refreshSession());
  const permanent = await app.signedIn(page);
  expect([permanent.user.id, permanent.user.is_anonymous, claims(permanent).is_anonymous]).toEqual([user?.id, false, false]);
  await signOut(page);
  const again = await app.done(page, (auth, given) => auth.signInWithPassword(given), { email, password: PASSWORD });
  expect(again.user.id).toBe(user?.id);
});

test('a code of an authenticator app raises a session to AAL2, once', async ({ page }) => {
  const email = 'totp@example.com';
  await signedIn(page, email);
  const factor = await app.done(page, (auth) => auth.mfa.enroll({ factorType: 'totp', friendlyName: 'Phone' }));
  if (factor.type !== 'totp') throw new Error(`a factor of type ${factor.type}`);
  const { secret, qr_code, uri } = factor.totp;
  expect(uri).toMatch(/^otpauth:\/\/totp\//);
  const picture = await page.evaluate(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    return image.naturalWidth;
  }, qr_code);
  expect(picture, 'the code can be shown').toBeGreaterThan(0);

  const verify = (code: string) =>
    app.ask(page, (auth, given) => auth.mfa.challengeAndVerify(given), { factorId: factor.id, code });
  const code = totp(secret);
  expect((await verify(code)).error).toBeNull();
  expect(claims(await app.signedIn(page)).aal).toBe('aal2');

  await signOut(page);
  await app.done(page, (auth, given) => auth.signInWithPassword(given), { email, password: PASSWORD });
  const level = await app.done(page, (auth) => auth.mfa.getAuthenticatorAssuranceLevel());
  expect([level.currentLevel, level.nextLevel]).toEqual(['aal1', 'aal2']);
  expect((await verify(code)).error?.code, 'a code is good once').toBe('mfa_verification_failed');
  expect((await verify(totp(secret, 1))).error).toBeNull();
  const session = await app.signedIn(page);
  expect(claims(session)).toMatchObject({ aal: 'aal2', amr: [{ method: 'totp' }, { method: 'password' }] });
});

test('a phone signs up, signs in by code, and is a second factor', async ({ page, api }) => {
  await api.configureAuth(project.ref, {
    external_phone_enabled: true,
    sms_max_frequency: 0,
    mfa_phone_enroll_enabled: true,
    mfa_phone_verify_enabled: true,
    mfa_phone_max_frequency: 0,
  });
  const phone = '4915112345678';
  await page.goto(app.at('pkce'));
  const signedUp = await app.done(page, (auth, given) => auth.signUp(given), { phone, password: PASSWORD });
  expect(signedUp.session).toBeNull();
  const verify = async () => {
    const token = await mailbox.code(phone, 'sms');
    await app.done(page, (auth, given) => auth.verifyOtp({ ...given, type: 'sms' }), { phone, token });
    return app.signedIn(page);
  };
  expect((await verify()).user).toMatchObject({ phone, app_metadata: { provider: 'phone', providers: ['phone'] } });
  await signOut(page);
  await app.done(page, (auth, given) => auth.signInWithPassword(given), { phone, password: PASSWORD });
  await signOut(page);
  await app.done(page, (auth, phone) => auth.signInWithOtp({ phone }), phone);
  expect(claims(await verify())).toMatchObject({ phone, amr: [{ method: 'otp' }] });

  const second = '4915187654321';
  const factor = await app.done(page, (auth, phone) => auth.mfa.enroll({ factorType: 'phone', phone, friendlyName: 'The other' }), second);
  const challenge = await app.done(page, (auth, factorId) => auth.mfa.challenge({ factorId }), factor.id);
  const code = await mailbox.code(second, 'sms');
  const answer = { factorId: factor.id, challengeId: challenge.id, code };
  await app.done(page, (auth, answer) => auth.mfa.verify(answer), answer);
  expect(claims(await app.signedIn(page))).toMatchObject({ aal: 'aal2', amr: [{ method: 'mfa/phone' }, { method: 'otp' }] });
});

test('a new password is set with the code that shows who it is', async ({ page, api }) => {
  await api.configureAuth(project.ref, { security_update_password_require_reauthentication: true, smtp_max_frequency: 0 });
  const email = 'reauthenticated@example.com';
  await signedIn(page, email);
  await app.done(page, (auth) => auth.reauthenticate());
  const nonce = await mailbox.code(email, 'reauthentication');
  const wrong = nonce.replace(/.$/, (last) => String((Number(last) + 1) % 10));
  const change = (nonce: string) =>
    app.ask(page, (auth, given) => auth.updateUser(given), { password: 'another horse battery', nonce });
  expect((await change(wrong)).error?.code).toBe('reauthentication_not_valid');
  expect((await change(nonce)).error).toBeNull();
  await signOut(page);
  await app.done(page, (auth, given) => auth.signInWithPassword(given), { email, password: 'another horse battery' });
});

/** Puts a wallet into the page where supabase-js looks for one, as an extension would. Its key is for this page only. */
async function connectWallet(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const { publicKey, privateKey } = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
    const bytes = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey));
    const letters = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
    let base58 = '';
    for (let rest = bytes.reduce((number, byte) => number * 256n + BigInt(byte), 0n); rest > 0n; rest /= 58n) {
      base58 = letters[Number(rest % 58n)] + base58;
    }
    const zeros = bytes.findIndex((byte) => byte !== 0);
    const address = '1'.repeat(zeros) + base58;
    const signMessage = async (message: BufferSource) => new Uint8Array(await crypto.subtle.sign('Ed25519', privateKey, message));
    Object.assign(window, { solana: { publicKey: { toBase58: () => address }, signMessage } });
  });
}

test("a wallet's signature signs in, for this site only", async ({ page, api }) => {
  await api.configureAuth(project.ref, { site_url: app.origin, external_web3_solana_enabled: true });
  await page.goto(app.at('pkce'));
  await connectWallet(page);
  const signIn = (options?: { url: string }) =>
    app.ask(
      page,
      (auth, options) =>
        auth.signInWithWeb3({
          chain: 'solana',
          statement: 'I take part.',
          options: { ...options, signInWithSolana: { nonce: 'once1234', resources: ['https://example.com/terms'] } },
        }),
      options,
    );
  const { data, error } = await signIn();
  expect(error).toBeNull();
  const address = await page.evaluate(() => (window as unknown as { solana: { publicKey: { toBase58(): string } } }).solana.publicKey.toBase58());
  expect(data.user).toMatchObject({ app_metadata: { provider: 'web3' }, user_metadata: { custom_claims: { address, chain: 'solana' } } });
  await signOut(page);
  expect((await signIn()).data.user?.id, 'the same wallet is the same user').toBe(data.user?.id);
  await signOut(page);
  expect((await signIn({ url: 'https://evil.example/' })).error?.status, 'signed for another site').toBe(400);
  expect(await app.session(page)).toBeNull();
});

test('a session lives on in another page, is renewed, and ends everywhere', async ({ page, context }) => {
  await signedIn(page, 'two-pages@example.com');
  const other = await context.newPage();
  await other.goto(app.at('pkce'));
  const [mine, its] = [await app.signedIn(page), await app.signedIn(other)];
  expect(its.access_token).toBe(mine.access_token);
  const renewed = await app.done(other, (auth) => auth.refreshSession());
  expect(renewed.session?.refresh_token).not.toBe(mine.refresh_token);
  await expect.poll(async () => (await app.session(page))?.access_token, 'the other page is told').toBe(renewed.session?.access_token);
  await signOut(page);
  await app.untilTold(other, 'SIGNED_OUT');
  expect(await app.session(other)).toBeNull();
  const late = await app.ask(other, (auth, session) => auth.setSession(session), {
    access_token: renewed.session!.access_token,
    refresh_token: renewed.session!.refresh_token,
  });
  expect(late.error).not.toBeNull();
});

test('somebody allows a client of the project as an OAuth server, and takes it back', async ({ page, api, app: theirs, server }) => {
  await api.configureAuth(project.ref, {
    site_url: app.origin,
    oauth_server_enabled: true,
    oauth_server_allow_dynamic_registration: true,
    oauth_server_authorization_path: '/pkce/consent',
  });
  const email = 'owner@example.com';
  await signedIn(page, email);
  const { user } = await app.signedIn(page);

  // The client's own server registers it. It can't resolve the project's name, so it goes by the path.
  const issuer = `${project.api_url}/auth/v1`;
  const redirectUri = `${theirs.url}callback`;
  const config = await openid.dynamicClientRegistration(
    new URL(issuer),
    { client_name: 'Their app', redirect_uris: [redirectUri] },
    undefined,
    {
      execute: [openid.allowInsecureRequests],
      [openid.customFetch]: (url, init) => fetch(url.replace(project.api_url, server.projectUrl(project.ref)), init as RequestInit),
    },
  );
  expect(config.serverMetadata().issuer).toBe(issuer);

  /** From the client to the consent page, or past it; the checks are for the way back. */
  const begin = async () => {
    const checks = { pkceCodeVerifier: openid.randomPKCECodeVerifier(), expectedState: openid.randomState() };
    const parameters = {
      redirect_uri: redirectUri,
      scope: 'email profile',
      state: checks.expectedState,
      code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
      code_challenge_method: 'S256',
    };
    await page.goto(openid.buildAuthorizationUrl(config, parameters).href);
    await page.waitForURL((url) => url.href.startsWith(app.at('pkce', 'consent')));
    return { checks, id: new URL(page.url()).searchParams.get('authorization_id')! };
  };
  const atClient = () => page.waitForURL((url) => url.href.startsWith(redirectUri));

  const denied = await begin();
  await app.leave(page, (auth, id) => auth.oauth.denyAuthorization(id), denied.id);
  await atClient();
  await expect(openid.authorizationCodeGrant(config, new URL(page.url()), denied.checks)).rejects.toMatchObject({ error: 'access_denied' });

  const asked = await begin();
  const details = await app.done(page, (auth, id) => auth.oauth.getAuthorizationDetails(id), asked.id);
  expect(details).toMatchObject({
    authorization_id: asked.id,
    redirect_uri: redirectUri,
    client: { id: config.clientMetadata().client_id, name: 'Their app' },
    user: { id: user.id, email },
    scope: 'email profile',
  });
  await app.leave(page, (auth, id) => auth.oauth.approveAuthorization(id), asked.id);
  await atClient();
  const tokens = await openid.authorizationCodeGrant(config, new URL(page.url()), asked.checks);
  expect(await openid.fetchUserInfo(config, tokens.access_token, user.id)).toMatchObject({ sub: user.id, email, email_verified: true });
  const renewed = await openid.refreshTokenGrant(config, tokens.refresh_token!);

  // Who has allowed as much before is not asked again.
  const known = await begin();
  const past = await app.done(page, (auth, id) => auth.oauth.getAuthorizationDetails(id), known.id);
  const back = new URL((past as { redirect_url: string }).redirect_url);
  const exchange = () => openid.authorizationCodeGrant(config, back, known.checks);
  const stolen = await exchange();
  await expect(exchange(), 'a code is good once').rejects.toMatchObject({ error: 'invalid_grant' });
  const refreshed = openid.refreshTokenGrant(config, stolen.refresh_token!);
  await expect(refreshed, 'and what came of it is over when it is shown again').rejects.toMatchObject({ error: 'invalid_grant' });

  const grants = await app.done(page, (auth) => auth.oauth.listGrants());
  expect(grants).toMatchObject([{ client: { name: 'Their app' }, scopes: ['email', 'profile'] }]);
  await app.done(page, (auth, clientId) => auth.oauth.revokeGrant({ clientId }), grants[0]!.client.id);
  expect(await app.done(page, (auth) => auth.oauth.listGrants())).toEqual([]);
  await expect(openid.refreshTokenGrant(config, renewed.refresh_token!)).rejects.toMatchObject({ error: 'invalid_grant' });
  await expect(openid.fetchUserInfo(config, renewed.access_token, user.id)).rejects.toThrow();
});
