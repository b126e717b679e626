/** A project's REST while others try passwords at its Auth, in the same process. */
import { setTimeout as delay } from 'node:timers/promises';
import { Server } from '../../support/server.ts';
import { heading, line, missed, percentile } from '../figures.ts';
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
/** Of each measurement: a tail of few seconds is a matter of luck. */
const ROUNDS = 3;

interface Round {
  quiet: Answers;
  beside: Answers;
  flooded: Answers;
}

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
  await projects.api.configureAuth(project.ref, { rate_limit_token_refresh: 2 ** 31 - 1 });

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
  const rounds: Round[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const quiet = await read();
    // The programs that ask come about first, which takes the machine for a moment.
    const [flooded, beside] = await Promise.all([flood(seconds + 2), delay(1000).then(read)]);
    rounds.push({ quiet, beside, flooded });
  }
  const quiet = rounds.map((round) => round.quiet);
  const beside = rounds.map((round) => round.beside);
  const triesPerSecond = median(rounds.map(({ flooded }) => flooded.perSecond));
  line('without, ms', latencies(quiet));
  line('beside the flood, ms', `${latencies(beside)}; ${triesPerSecond.toFixed(1)} tries a second, ${others(rounds)}`);
  const times = p99(beside) / p99(quiet);
  line('p99 beside the flood ÷ p99 without', `${times.toFixed(2)}${missed(times > TIMES)} (aim: ≤ ${TIMES})`);
}

const median = (values: number[]): number => percentile(values, 50);

const p99 = (answers: Answers[]): number => median(answers.map((one) => one.p99));

/** The medians of the rounds, and each round's tail. */
function latencies(answers: Answers[]): string {
  const tails = answers.map((one) => one.p99.toFixed(2)).join(', ');
  return `p50 ${median(answers.map((one) => one.p50)).toFixed(2)}, p99 ${p99(answers).toFixed(2)} (of ${tails})`;
}

/** What became of tries that nobody was told to be wrong. */
function others(rounds: Round[]): string {
  const failed = rounds.flatMap(({ flooded }) => Object.entries(flooded.failed));
  return failed.map(([status, count]) => `${count} answered ${status}`).join(', ') || 'all told to be wrong';
}
