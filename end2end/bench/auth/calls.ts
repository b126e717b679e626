/** What is asked of the program, and of its peer: the calls of supabase-js, with the same bodies. */
import type { Question } from '../rest-program/scenarios.ts';

export const PASSWORD = 'correct horse battery staple';
/** Who signs up by the service itself; the others are copies, with the same password. */
export const PATTERN = 'pattern@example.com';

export const email = (number: number) => `user.${number}@example.com`;
/** What is in the link of a mail that nobody was sent. */
export const tokenHash = (number: number) => `hash-of-the-token-of-user-${number}`;

const post = (path: string, body: unknown): Question => ({ method: 'POST', path, body: JSON.stringify(body) });

export const signUp = (email: string) => post('/signup', { email, password: PASSWORD });
export const signIn = (email: string, password = PASSWORD) => post('/token?grant_type=password', { email, password });
export const verify = (number: number) => post('/verify', { type: 'magiclink', token_hash: tokenHash(number) });
export const refresh = (token: string) => post('/token?grant_type=refresh_token', { refresh_token: token });
export const recover = (email: string) => post('/recover', { email });
export const resend = (email: string) => post('/resend', { type: 'signup', email });
export const user = (token: string): Question => ({ method: 'GET', path: '/user', headers: { authorization: `Bearer ${token}` } });
