import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Page } from '@playwright/test';
import type { Project } from '../support/api.ts';
import { Authenticator } from '../support/authenticator.ts';
import { expect, test } from '../support/fixtures.ts';
import { claims, SignInApp } from '../support/sign-in-app.ts';

const PASSWORD = 'correct horse battery';

let project: Project;
let app: SignInApp;

test.beforeAll(async ({ api }) => {
  project = await api.create({ name: 'Passkeys' });
  const { publishable } = await api.keys(project.ref);
  app = await SignInApp.of(project.api_url, publishable);
  // The relying party is the site, where nothing else is said.
  await api.configureAuth(project.ref, {
    site_url: app.origin,
    mailer_autoconfirm: true,
    passkey_enabled: true,
    mfa_web_authn_enroll_enabled: true,
    mfa_web_authn_verify_enabled: true,
  });
});

test.afterAll(async ({ api }) => {
  await app?.stop();
  if (project) await api.delete(project.ref);
});

/** A user with a password, signed in at a page with an authenticator. */
async function signedUp(page: Page, email: string, transport: 'internal' | 'usb' = 'internal'): Promise<Authenticator> {
  const authenticator = await Authenticator.of(page, transport);
  await page.goto(app.at('pkce'));
  await app.done(page, (auth, credentials) => auth.signUp(credentials), { email, password: PASSWORD });
  return authenticator;
}

async function signOut(page: Page): Promise<void> {
  expect((await app.ask(page, (auth) => auth.signOut())).error).toBeNull();
}

function newPrivateKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
}

test('a passkey is registered, signs in by itself, is renamed and deleted', async ({ page }) => {
  const authenticator = await signedUp(page, 'passkey@example.com');
  const { user } = await app.signedIn(page);
  const passkey = await app.done(page, (auth) => auth.registerPasskey());
  expect(passkey).toMatchObject({ id: expect.any(String), friendly_name: expect.any(String) });
  const [made] = await authenticator.credentials();
  expect(made).toMatchObject({ isResidentCredential: true, rpId: 'localhost' });
  const twice = await app.ask(page, (auth) => auth.registerPasskey());
  expect(twice.error, 'one of an authenticator is enough').not.toBeNull();

  // Nobody says who signs in.
  await signOut(page);
  await app.done(page, (auth) => auth.signInWithPasskey());
  const session = await app.signedIn(page);
  expect(session.user.id).toBe(user.id);
  expect(claims(session)).toMatchObject({ aal: 'aal1', amr: [{ method: 'passkey' }] });
  expect((await app.done(page, (auth) => auth.refreshSession())).user?.id).toBe(user.id);

  const listed = await app.done(page, (auth) => auth.passkey.list());
  expect(listed).toMatchObject([{ id: passkey.id, last_used_at: expect.any(String) }]);
  const named = { passkeyId: passkey.id, friendlyName: 'The laptop' };
  await app.done(page, (auth, named) => auth.passkey.update(named), named);
  expect(await app.done(page, (auth) => auth.passkey.list())).toMatchObject([{ friendly_name: 'The laptop' }]);

  await app.done(page, (auth, passkeyId) => auth.passkey.delete({ passkeyId }), passkey.id);
  expect(await app.done(page, (auth) => auth.passkey.list())).toEqual([]);
  await signOut(page);
  const gone = await app.ask(page, (auth) => auth.signInWithPasskey());
  expect(gone.error?.code).toBe('webauthn_credential_not_found');
  expect(await app.session(page)).toBeNull();
});

test('another authenticator does not sign in, whatever it claims', async ({ page }) => {
  const authenticator = await signedUp(page, 'victim@example.com');
  const { user } = await app.signedIn(page);
  await app.done(page, (auth) => auth.registerPasskey());
  await signOut(page);
  const [real] = await authenticator.credentials();
  const refusal = async () => {
    const { error } = await app.ask(page, (auth) => auth.signInWithPasskey());
    expect(await app.session(page)).toBeNull();
    return error?.code;
  };

  // A key of its own for the same user; the user's credential with another key; the credential with somebody else's name.
  await authenticator.replaceAll({ ...real!, credentialId: randomBytes(32).toString('base64'), privateKey: newPrivateKey() });
  expect(await refusal()).toBe('webauthn_credential_not_found');
  await authenticator.replaceAll({ ...real!, signCount: 100, privateKey: newPrivateKey() });
  expect(await refusal()).toBe('webauthn_verification_failed');
  const nobody = Buffer.from('3f2b8a1e-0000-4000-8000-000000000000').toString('base64');
  await authenticator.replaceAll({ ...real!, signCount: 100, userHandle: nobody });
  expect(await refusal()).toBe('webauthn_verification_failed');

  // The real one does; a copy of it from before that no longer.
  await authenticator.replaceAll({ ...real!, signCount: 100 });
  await app.done(page, (auth) => auth.signInWithPasskey());
  expect((await app.signedIn(page)).user.id).toBe(user.id);
  await signOut(page);
  await authenticator.replaceAll({ ...real!, signCount: 50 });
  expect(await refusal()).toBe('webauthn_verification_failed');
});

test('a page of another origin on the same host does not sign in', async ({ page, api }) => {
  await signedUp(page, 'phished@example.com');
  await app.done(page, (auth) => auth.registerPasskey());
  await signOut(page);
  const { publishable } = await api.keys(project.ref);
  const other = await SignInApp.of(project.api_url, publishable);
  await page.goto(other.at('pkce'));
  const refused = await other.ask(page, (auth) => auth.signInWithPasskey());
  expect(refused.error?.code).toBe('webauthn_verification_failed');
  await other.stop();
});

test('a WebAuthn factor raises a session to AAL2', async ({ page }) => {
  await signedUp(page, 'factor@example.com', 'usb');
  const level = async () => {
    const { currentLevel, nextLevel } = await app.done(page, (auth) => auth.mfa.getAuthenticatorAssuranceLevel());
    return [currentLevel, nextLevel];
  };
  expect(await level()).toEqual(['aal1', 'aal1']);
  await app.done(page, (auth) => auth.mfa.webauthn.register({ friendlyName: 'The key' }));
  expect(await level()).toEqual(['aal2', 'aal2']);
  const { all, webauthn } = await app.done(page, (auth) => auth.mfa.listFactors());
  expect(all).toMatchObject([{ factor_type: 'webauthn', status: 'verified', friendly_name: 'The key' }]);
  const factorId = webauthn[0]!.id;

  await signOut(page);
  await app.done(page, (auth, credentials) => auth.signInWithPassword(credentials), { email: 'factor@example.com', password: PASSWORD });
  expect(await level()).toEqual(['aal1', 'aal2']);
  const weak = await app.ask(page, (auth) => auth.updateUser({ password: 'another horse battery' }));
  expect(weak.error?.code).toBe('insufficient_aal');
  const passkey = await app.ask(page, (auth) => auth.registerPasskey());
  expect(passkey.error?.code).toBe('insufficient_aal');

  await app.done(page, (auth, factorId) => auth.mfa.webauthn.authenticate({ factorId }), factorId);
  expect(await level()).toEqual(['aal2', 'aal2']);
  const methods = claims(await app.signedIn(page)).amr.map(({ method }) => method);
  expect(methods.sort()).toEqual(['mfa/webauthn', 'password']);
  await app.done(page, (auth) => auth.updateUser({ password: 'another horse battery' }));
  await app.done(page, (auth, factorId) => auth.mfa.unenroll({ factorId }), factorId);
  expect((await app.done(page, (auth) => auth.refreshSession())).session).not.toBeNull();
  expect(await level()).toEqual(['aal1', 'aal1']);
});

test("another authenticator's key is not a factor's", async ({ page }) => {
  const authenticator = await signedUp(page, 'stolen-password@example.com', 'usb');
  await app.done(page, (auth) => auth.mfa.webauthn.register({ friendlyName: 'The key' }));
  const { webauthn } = await app.done(page, (auth) => auth.mfa.listFactors());
  await signOut(page);
  const credentials = { email: 'stolen-password@example.com', password: PASSWORD };
  await app.done(page, (auth, credentials) => auth.signInWithPassword(credentials), credentials);
  const [real] = await authenticator.credentials();
  await authenticator.replaceAll({ ...real!, signCount: 100, privateKey: newPrivateKey() });
  const refused = await app.ask(page, (auth, factorId) => auth.mfa.webauthn.authenticate({ factorId }), webauthn[0]!.id);
  expect(refused.error?.code).toBe('mfa_verification_failed');
  expect(claims(await app.signedIn(page)).aal).toBe('aal1');
});

test('where passkeys are switched off, everything about them says so', async ({ page, api }) => {
  await signedUp(page, 'no-passkeys@example.com');
  await api.configureAuth(project.ref, { passkey_enabled: false });
  try {
    const answers = [
      await app.ask(page, (auth) => auth.registerPasskey()),
      await app.ask(page, (auth) => auth.signInWithPasskey()),
      await app.ask(page, (auth) => auth.passkey.list()),
    ];
    for (const { error } of answers) expect(error?.code).toBe('passkey_disabled');
  } finally {
    await api.configureAuth(project.ref, { passkey_enabled: true });
  }
});
