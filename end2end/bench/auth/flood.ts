/** A project's REST while others try passwords at its Auth, in the same process. */
import { Server } from '../../support/server.ts';
import { heading, line, missed } from '../figures.ts';
import { inFolder, type StopAtEnd } from '../in-folder.ts';
import { Projects } from '../projects.ts';
import { PASSWORD, prepareRow } from '../rest.ts';
import { type Answers, Load, whole } from '../rest-program/load.ts';
import type { Question } from '../rest-program/scenarios.ts';
import { email, signIn } from './calls.ts';

/** Reads, however long the answers take: far below what REST can. */
const READS_PER_SECOND = 200;
const READERS = 16;
/** Different ones: nobody's passwords are tried so often that it is noticed, and each try is hashed. */
const ACCOUNTS = 4_096;
/** p99 of the reads, in those without a flood. */
const TIMES = 2;

/** Who tries passwords at the same time. */
const FLOODING = 64;

/** `seconds` for each figure. */
export async function restBesideFlood(seconds: number): Promise<void> {
  await inFolder('supacloud-flood-', async (home, stopAtEnd) => measure(await Load.make(home), seconds, stopAtEnd));
}

async function measure(load: Load, seconds: number, stopAtEnd: StopAtEnd): Promise<void> {
  const server = await Server.start({ name: 'bench-flood' });
  stopAtEnd(server);
  const projects = new Projects(server);
  const project = await projects.api.create({ name: 'flooded', db_pass: PASSWORD });
  const { key } = await prepareRow(projects, project);
  const change = await projects.api.fetch(`/v1/projects/${project.ref}/config/auth`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rate_limit_token_refresh: 2 ** 31 - 1 }),
  });
  if (!change.ok) throw new Error(`the limit can't be raised: ${change.status} ${await change.text()}`);

  const place = { port: server.port, root: `/p/${project.ref}` };
  const headers = { apikey: key };
  const reads: Question[] = Array.from({ length: 256 }, (_, i) => ({ method: 'GET', path: `/rest/v1/bench?select=id,title&id=eq.${i + 1}`, headers }));
  const tries = Array.from({ length: ACCOUNTS }, (_, i) => {
    const { method, path, body } = signIn(email(i), 'a wrong password');
    return { method, path: `/auth/v1${path}`, headers, body } as Question;
  });
  const read = async () => whole(await load.send(place, reads, READS_PER_SECOND, READERS, seconds));
  const flood = (seconds: number) => load.send(place, tries, 'closed', FLOODING, seconds, 400);

  heading(`REST's GET of one row, ${READS_PER_SECOND} a second, while ${FLOODING} clients sign in with wrong passwords (the limit by address is lifted)`);
  await flood(1);
  await read();
  const quiet = await read();
  const [flooded, beside] = await Promise.all([flood(seconds + 1), read()]);
  const after = await read();
  line('without, before and after, ms', `p50 ${quiet.p50.toFixed(2)} and ${after.p50.toFixed(2)}, p99 ${quiet.p99.toFixed(2)} and ${after.p99.toFixed(2)}`);
  line('beside the flood, ms', `p50 ${beside.p50.toFixed(2)}, p99 ${beside.p99.toFixed(2)}; ${flooded.perSecond.toFixed(1)} tries a second, ${others(flooded)}`);
  const times = (2 * beside.p99) / (quiet.p99 + after.p99);
  line('p99 beside the flood ÷ p99 without', `${times.toFixed(2)}${missed(times > TIMES)} (aim: ≤ ${TIMES})`);
}

/** What became of tries that nobody was told to be wrong. */
function others({ failed }: Answers): string {
  return Object.entries(failed).map(([status, count]) => `${count} answered ${status}`).join(', ') || 'all told to be wrong';
}
