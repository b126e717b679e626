import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import type { Project } from '../support/api.ts';
import { expect, test } from '../support/fixtures.ts';
import { totp } from '../support/totp.ts';

/** Auth as supabase-js and supabase-py see it: what each method answers, and in which words it is refused. */

let project: Project;
let url: string;
let keys: { publishable: string; secret: string };
let admin: SupabaseClient['auth']['admin'];

const password = 'correct horse battery';
const site = 'http://localhost:3000';

test.describe.configure({ mode: 'serial' });

test.beforeAll(async ({ api, server }) => {
  project = await api.create({ name: 'Accounts' });
  url = server.projectUrl(project.ref);
  keys = await api.keys(project.ref);
  admin = createClient(url, keys.secret, { auth: { persistSession: false } }).auth.admin;
  await api.configureAuth(project.ref, { external_phone_enabled: true, smtp_max_frequency: 0, sms_max_frequency: 0, security_refresh_token_reuse_interval: 0 });
});

test.afterAll(async ({ api }) => {
  if (project) await api.delete(project.ref);
});

/** A client that nobody has signed in with; it keeps its session in itself. */
function somebody(flowType: 'implicit' | 'pkce' = 'implicit'): SupabaseClient['auth'] {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  return createClient(url, keys.publishable, { auth: { storage, autoRefreshToken: false, storageKey: randomUUID(), flowType } }).auth;
}

let count = 0;
const address = () => `user${(count += 1)}@example.com`;
const number = () => `1555010${String((count += 1)).padStart(4, '0')}`;

/** Status, code and words of a refusal. */
async function refused(call: PromiseLike<{ error: { status?: number; code?: string; message: string } | null }>): Promise<unknown[]> {
  const { error } = await call;
  return [error?.status, error?.code, error?.message];
}

/** What went well. */
async function done<R extends { data: unknown; error: unknown }>(call: PromiseLike<R>): Promise<Extract<R, { error: null }>['data']> {
  const { data, error } = await call;
  expect(error).toBeNull();
  return data as Extract<R, { error: null }>['data'];
}

/** Code, hash and link of the last message to somebody, out of the project's mailbox. */
async function received(recipient: string): Promise<{ token: string; token_hash: string; link: string }> {
  const read = async (path: string) => {
    const response = await fetch(`${url}/auth/v1/admin/messages${path}`, { headers: { apikey: keys.secret } });
    return response.json();
  };
  const { messages } = (await read(`?recipient=${recipient}&limit=1`)) as { messages: { id: string }[] };
  return ((await read(`/${messages[0]?.id}`)) as { data: { token: string; token_hash: string; link: string } }).data;
}

test('what is not open is said', async ({ api }) => {
  const credentials = { email: address(), password };
  const nobody = [422, 'anonymous_provider_disabled', 'Anonymous sign-ins are disabled'];
  expect(await refused(somebody().signInAnonymously())).toEqual(nobody);
  expect(await refused(somebody().signUp({ email: '', password }))).toEqual(nobody);
  expect(await refused(somebody().signInWithSSO({ domain: 'example.com' }))).toEqual([404, 'saml_provider_disabled', 'SAML 2.0 is disabled']);
  await api.configureAuth(project.ref, { disable_signup: true });
  const closed = [422, 'signup_disabled', 'Signups not allowed for this instance'];
  expect(await refused(somebody().signUp(credentials))).toEqual(closed);
  expect(await refused(somebody().signInWithOtp({ email: credentials.email }))).toEqual(closed);
  await api.configureAuth(project.ref, { disable_signup: false });
});

test('who signs up has to confirm, and nobody learns who is there', async () => {
  const [client, email] = [somebody(), address()];
  const signedUp = await done(client.signUp({ email, password, options: { data: { name: 'Ann' } } }));
  expect([signedUp.session, signedUp.user?.identities?.length]).toEqual([null, 1]);
  expect(await refused(client.signInWithPassword({ email, password }))).toEqual([400, 'email_not_confirmed', 'Email not confirmed']);
  const expired = [403, 'otp_expired', 'Token has expired or is invalid'];
  expect(await refused(client.verifyOtp({ email, token: '000000', type: 'signup' }))).toEqual(expired);
  const link = [403, 'otp_expired', 'Email link is invalid or has expired'];
  expect(await refused(client.verifyOtp({ token_hash: 'abc', type: 'signup' }))).toEqual(link);
  await done(client.resend({ type: 'signup', email }));
  const { token } = await received(email);
  expect((await done(client.verifyOtp({ email, token, type: 'signup' }))).user?.email_confirmed_at).toMatch(/^\d{4}-.*T.*Z$/);
  const again = await done(somebody().signUp({ email, password }));
  expect([again.session, again.user?.identities], 'as if it were new, but for this').toEqual([null, []]);
  const wrong = [400, 'invalid_credentials', 'Invalid login credentials'];
  expect(await refused(somebody().signInWithPassword({ email, password: 'wrong' }))).toEqual(wrong);
  expect(await refused(somebody().signInWithPassword({ email: address(), password }))).toEqual(wrong);
  expect(await done(somebody().resetPasswordForEmail(address()))).toEqual({});
  for (const [given, expected] of [
    [{ email: 'no address', password }, [400, 'validation_failed', 'Unable to validate email address: invalid format']],
    [{ email: address(), password: '123' }, [422, 'weak_password', 'Password should be at least 6 characters.']],
    [{ email: address(), password: '' }, [400, 'validation_failed', 'Signup requires a valid password']],
    [{ phone: 'none', password }, [400, 'validation_failed', 'Invalid phone number format (E.164 required)']],
  ] as const) {
    expect(await refused(somebody().signUp(given))).toEqual(expected);
  }
});

test('codes come by phone, codes of PKCE by link', async () => {
  const [phone, client] = [number(), somebody()];
  await done(client.signUp({ phone, password }));
  expect(await refused(client.signInWithPassword({ phone, password }))).toEqual([400, 'phone_not_confirmed', 'Phone not confirmed']);
  await done(client.verifyOtp({ phone, token: (await received(phone)).token, type: 'sms' }));
  expect((await done(client.signInWithPassword({ phone, password }))).user?.phone).toBe(phone);

  const [pkce, email] = [somebody('pkce'), address()];
  await done(pkce.signInWithOtp({ email }));
  const { search } = new URL((await received(email)).link);
  const followed = await fetch(`${url}/auth/v1/verify${search}`, { redirect: 'manual' });
  const code = new URL(followed.headers.get('location') ?? '').searchParams.get('code') ?? '';
  expect((await done(pkce.exchangeCodeForSession(code))).user.email).toBe(email);
  const late = somebody('pkce');
  await done(late.signInWithOtp({ email }));
  expect(await refused(late.exchangeCodeForSession(code))).toEqual([
    404,
    'flow_state_not_found',
    'invalid flow state, no valid flow state found',
  ]);
  const none = [422, 'otp_disabled', 'Signups not allowed for otp'];
  expect(await refused(client.signInWithOtp({ email: address(), options: { shouldCreateUser: false } }))).toEqual(none);
});

test('an account is changed by its owner', async ({ api }) => {
  await api.configureAuth(project.ref, { mailer_autoconfirm: true });
  const [client, email] = [somebody(), address()];
  await done(client.signUp({ email, password, options: { data: { keep: 1, drop: 2 } } }));
  const taken = [422, 'user_already_exists', 'User already registered'];
  expect(await refused(somebody().signUp({ email, password }))).toEqual(taken);
  const changed = await done(client.updateUser({ data: { drop: null, add: [1] } }));
  expect(changed.user.user_metadata).toMatchObject({ keep: 1, add: [1] });
  expect(changed.user.user_metadata).not.toHaveProperty('drop');
  const same = [422, 'same_password', 'New password should be different from the old password.'];
  expect(await refused(client.updateUser({ password }))).toEqual(same);
  const weak = [422, 'weak_password', 'Password should be at least 6 characters.'];
  expect(await refused(client.updateUser({ password: '' }))).toEqual(weak);
  await api.configureAuth(project.ref, { security_update_password_require_current_password: true });
  const unasked = [400, 'current_password_required', 'Current password required when setting new password.'];
  expect(await refused(client.updateUser({ password: 'another horse' }))).toEqual(unasked);
  await done(client.updateUser({ password: 'another horse', current_password: password }));
  await api.configureAuth(project.ref, { security_update_password_require_current_password: false });
  expect((await done(client.updateUser({ email: address() }))).user.email).not.toBe(email);
  expect((await done(client.getUserIdentities())).identities.map((identity) => identity.provider)).toEqual(['email']);
  expect(await refused(client.linkIdentity({ provider: 'google' }))).toEqual([404, 'manual_linking_disabled', 'Manual linking is disabled']);
  await api.configureAuth(project.ref, { mailer_autoconfirm: false });

  const [first, second] = [(await done(client.getUser())).user.email ?? '', address()];
  expect((await done(client.updateUser({ email: second }))).user.new_email).toBe(second);
  const half = await done(client.verifyOtp({ email: first, token: (await received(first)).token, type: 'email_change' }));
  expect([half.user, half.session], 'both have to agree').toEqual([null, null]);
  const whole = await done(client.verifyOtp({ email: second, token: (await received(second)).token, type: 'email_change' }));
  expect(whole.user?.email).toBe(second);
  await done(client.reauthenticate());
  expect((await received(second)).token).toMatch(/^\d{6}$/);
});

test('sessions are refreshed, told apart and ended', async () => {
  const email = address();
  await done(admin.createUser({ email, password, email_confirm: true }));
  const [one, two] = [somebody(), somebody()];
  const { session } = await done(one.signInWithPassword({ email, password }));
  await done(two.signInWithPassword({ email, password }));
  await done(one.refreshSession());
  await done(one.refreshSession());
  const used = [400, 'refresh_token_already_used', 'Invalid Refresh Token: Already Used'];
  expect(await refused(somebody().refreshSession({ refresh_token: session?.refresh_token ?? '' }))).toEqual(used);
  const none = [400, 'refresh_token_not_found', 'Invalid Refresh Token: Refresh Token Not Found'];
  expect(await refused(somebody().refreshSession({ refresh_token: 'none' }))).toEqual(none);
  const third = somebody();
  await done(third.signInWithPassword({ email, password }));
  expect((await third.signOut({ scope: 'others' })).error).toBeNull();
  expect((await two.getUser()).error?.name).toBe('AuthSessionMissingError');
  expect((await done(third.getClaims()))?.claims).toMatchObject({ email, aal: 'aal1', amr: [{ method: 'password' }] });
  expect((await admin.signOut((await third.getSession()).data.session?.access_token ?? '')).error).toBeNull();
  expect((await third.getUser()).error?.name).toBe('AuthSessionMissingError');
});

test('a second factor', async () => {
  const [client, email] = [somebody(), address()];
  const { user } = await done(admin.createUser({ email, password, email_confirm: true }));
  await done(client.signInWithPassword({ email, password }));
  const factor = await done(client.mfa.enroll({ factorType: 'totp' }));
  const twice = [422, 'mfa_factor_name_conflict', 'A factor with the friendly name "" for this user already exists'];
  expect(await refused(client.mfa.enroll({ factorType: 'totp' }))).toEqual(twice);
  const challenge = await done(client.mfa.challenge({ factorId: factor.id }));
  const wrong = [422, 'mfa_verification_failed', 'Invalid TOTP code entered'];
  const answer = { factorId: factor.id, challengeId: challenge.id };
  expect(await refused(client.mfa.verify({ ...answer, code: totp('A') }))).toEqual(wrong);
  await done(client.mfa.verify({ ...answer, code: totp(factor.totp?.secret ?? '') }));
  expect(await done(client.mfa.getAuthenticatorAssuranceLevel())).toMatchObject({ currentLevel: 'aal2', nextLevel: 'aal2' });
  const low = somebody();
  await done(low.signInWithPassword({ email, password }));
  expect(await done(low.mfa.getAuthenticatorAssuranceLevel())).toMatchObject({ currentLevel: 'aal1', nextLevel: 'aal2' });
  const denied = [422, 'insufficient_aal', 'AAL2 required to unenroll verified factor'];
  expect(await refused(low.mfa.unenroll({ factorId: factor.id }))).toEqual(denied);
  expect((await done(admin.mfa.listFactors({ userId: user.id }))).factors).toHaveLength(1);
  await done(client.mfa.unenroll({ factorId: factor.id }));
  expect((await done(client.mfa.listFactors())).all).toEqual([]);
});

test('administrators make, list, change, ban and delete accounts', async () => {
  const [email, phone] = [address(), number()];
  const { user } = await done(
    admin.createUser({ email, password, email_confirm: true, user_metadata: { a: 1 }, app_metadata: { plan: 'x' }, role: 'boss' }),
  );
  expect([user.role, user.app_metadata]).toEqual(['boss', { plan: 'x', provider: 'email', providers: ['email'] }]);
  const taken = [422, 'email_exists', 'A user with this email address has already been registered'];
  expect(await refused(admin.createUser({ email }))).toEqual(taken);
  const unnamed = [400, 'validation_failed', 'Cannot create a user without either an email or phone'];
  expect(await refused(admin.createUser({}))).toEqual(unnamed);
  const page = await done(admin.listUsers({ page: 1, perPage: 2 }));
  expect([page.users.length, page.users[0]?.id]).toEqual([2, user.id]);
  expect(page).toMatchObject({ nextPage: 2, lastPage: Math.ceil(page.total / 2), aud: 'authenticated' });
  const attributes = { phone, phone_confirm: true, user_metadata: { a: null, b: 2 }, app_metadata: { plan: null }, ban_duration: '1h' };
  const changed = (await done(admin.updateUserById(user.id, attributes))).user;
  expect(changed).toMatchObject({ phone, app_metadata: { provider: 'email', providers: ['email', 'phone'] } });
  expect([changed.user_metadata, changed.app_metadata].some((data) => 'a' in data || 'plan' in data)).toBe(false);
  expect(await refused(somebody().signInWithPassword({ email, password }))).toEqual([400, 'user_banned', 'User is banned']);
  await done(admin.updateUserById(user.id, { ban_duration: 'none' }));
  await done(somebody().signInWithPassword({ email, password }));
  await done(admin.deleteUser(user.id, true));
  const deleted = (await done(admin.getUserById(user.id))).user;
  expect([typeof deleted.deleted_at, deleted.identities?.map((identity) => identity.identity_data)]).toEqual(['string', [{}, {}]]);
  await done(admin.deleteUser(user.id));
  expect(await refused(admin.getUserById(user.id))).toEqual([404, 'user_not_found', 'User not found']);
  const stranger = createClient(url, keys.publishable, { auth: { persistSession: false } }).auth.admin;
  expect((await stranger.listUsers()).error?.status, 'a publishable key does not').toBeGreaterThanOrEqual(401);
});

test('links of every kind are made, and are good', async () => {
  const known = address();
  await done(admin.createUser({ email: known, email_confirm: true }));
  const newEmail = address();
  for (const [type, email, as] of [
    ['signup', address(), 'signup'],
    ['invite', address(), 'invite'],
    ['magiclink', known, 'magiclink'],
    ['recovery', known, 'recovery'],
    ['email_change_current', known, 'email_change'],
    ['email_change_new', known, 'email_change'],
  ] as const) {
    const link = await done(admin.generateLink({ type, email, password, newEmail, options: { redirectTo: site } } as never));
    expect(link.properties, type).toMatchObject({ verification_type: type, redirect_to: site, email_otp: expect.stringMatching(/^\d{6}$/) });
    expect(link.properties.action_link, type).toContain(`token=${link.properties.hashed_token}&type=${as}`);
    await done(somebody().verifyOtp({ token_hash: link.properties.hashed_token, type: as }));
  }
  const unknown = [404, 'user_not_found', 'User with this email not found'];
  expect(await refused(admin.generateLink({ type: 'recovery', email: address() }))).toEqual(unknown);
  const invited = address();
  await done(admin.inviteUserByEmail(invited, { data: { team: 'a' } }));
  const { user } = await done(somebody().verifyOtp({ token_hash: (await received(invited)).token_hash, type: 'invite' }));
  expect(user?.user_metadata).toMatchObject({ team: 'a' });
});

test('supabase-py does the same', async ({ api }) => {
  const python = process.env.SUPACLOUD_PYTHON;
  test.skip(!python, 'SUPACLOUD_PYTHON is not set; make browser sets it');
  const often = { rate_limit_otp: 1000, rate_limit_verify: 1000, rate_limit_email_sent: 1000 };
  const on = { external_anonymous_users_enabled: true, oauth_server_enabled: true, security_manual_linking_enabled: true };
  await api.configureAuth(project.ref, { mailer_autoconfirm: true, ...on, ...often });
  const script = resolve(import.meta.dirname, '../support/auth-client.py');
  const { stdout } = await promisify(execFile)(python!, [script, url, keys.publishable, keys.secret], { timeout: 60_000 });
  expect(stdout.trim()).toBe('ok');
});
