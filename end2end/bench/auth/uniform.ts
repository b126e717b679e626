/** Whether it is seen by the time of an answer that an address has an account. */
import { ManagementApi } from '../../support/api.ts';
import { Server } from '../../support/server.ts';
import { columns, heading, percentile } from '../figures.ts';
import { inFolder } from '../in-folder.ts';
import { ask, type Question } from '../rest-program/scenarios.ts';
import { email, PASSWORD, recover, resend, signIn, signUp } from './calls.ts';

/** Addresses with an account and without. Each is asked about once, in turns. */
const EACH = 24;
const NO_LIMIT = 2 ** 31 - 1;

const CALLS: Record<string, (email: string) => Question> = {
  'sign-in, wrong password': (email) => signIn(email, 'a wrong password'),
  recover,
  'resend a confirmation': resend,
  'sign-up': (email) => signUp(email),
};

export async function knownAndUnknown(): Promise<void> {
  await inFolder('supacloud-uniform-', async (_, stopAtEnd) => {
    const server = await Server.start({ name: 'bench-uniform' });
    stopAtEnd(server);
    const api = new ManagementApi(server.url);
    const { ref } = await api.create({ name: 'uniform' });
    await api.configureAuth(ref, { rate_limit_token_refresh: NO_LIMIT, rate_limit_otp: NO_LIMIT, rate_limit_verify: NO_LIMIT });
    const { publishable, serviceRole } = await api.keys(ref);
    const place = { port: server.port, root: `/p/${ref}/auth/v1` };
    const answer = async (question: Question, key: string) => {
      const response = await ask(place, { ...question, headers: { apikey: key, authorization: `Bearer ${key}` } });
      return { status: response.status, text: await response.text() };
    };

    heading('Auth: how long answers take for addresses with an account and without, p50 and p90 in ms');
    columns('', 'with', 'p90', 'without', 'p90');
    let number = 0;
    for (const [name, question] of Object.entries(CALLS)) {
      const took: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] };
      for (let i = 0; i < EACH; i++) {
        const [known, unknown] = [email(++number), email(++number)];
        const body = JSON.stringify({ email: known, password: PASSWORD, email_confirm: name !== 'resend a confirmation' });
        await answer({ method: 'POST', path: '/admin/users', body }, serviceRole);
        for (const [kind, address] of [['known', known], ['unknown', unknown]] as const) {
          const begun = performance.now();
          const { status, text } = await answer(question(address), publishable);
          took[kind].push(performance.now() - begun);
          if (status === 429) throw new Error(`${name}: ${text}`);
        }
      }
      const figures = [took.known, took.unknown].flatMap((all) => [percentile(all, 50), percentile(all, 90)]);
      columns(name, ...figures.map((figure) => figure.toFixed(1)));
    }
  });
}
