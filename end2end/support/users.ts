import { createClient, type SupabaseClient } from '@supabase/supabase-js';

const BROWSER = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

/** A client that keeps nothing: as an administrator, or as somebody's application. */
export function client(url: string, key: string, headers: Record<string, string> = {}): SupabaseClient {
  return createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false }, global: { headers } });
}

/** What is there, or the test ends with what the client was told. */
export function good<A extends { data: unknown; error: Error | null }>(answer: A): Extract<A, { error: null }>['data'] {
  if (answer.error) throw answer.error;
  return answer.data;
}

/** Seven users of every kind. Answers the id of the one with the most: sessions, both addresses, metadata. */
export async function someUsers(url: string, serviceRole: string): Promise<string> {
  const { admin } = client(url, serviceRole).auth;
  const password = 'correct horse';
  const ada = good(
    await admin.createUser({
      email: 'ada@example.com',
      phone: '+4915112345678',
      password,
      email_confirm: true,
      phone_confirm: true,
      user_metadata: { full_name: 'Ada Lovelace', theme: 'dark', languages: ['en', 'fr'] },
      app_metadata: { plan: 'pro' },
    }),
  );
  const programs: Record<string, string>[] = [{ 'user-agent': BROWSER }, {}];
  for (const headers of programs) {
    good(await client(url, serviceRole, headers).auth.signInWithPassword({ email: 'ada@example.com', password }));
  }
  good(await admin.createUser({ email: 'waiting@example.com' }));
  good(await admin.createUser({ phone: '+4915187654321', phone_confirm: true }));
  const long = `${'a-name-that-does-not-end-'.repeat(2)}@a-domain-that-is-long-as-well.example.com`;
  good(await admin.createUser({ email: long, email_confirm: true, user_metadata: { name: 'Ærøskøbing ünïcode 項目' } }));
  const banned = good(await admin.createUser({ email: 'banned@example.com', email_confirm: true }));
  good(await admin.updateUserById(banned.user!.id, { ban_duration: '24h' }));
  good(await admin.inviteUserByEmail('invited@example.com'));
  const gone = good(await admin.createUser({ email: 'gone@example.com' }));
  good(await admin.deleteUser(gone.user!.id, true));
  return ada.user!.id;
}
