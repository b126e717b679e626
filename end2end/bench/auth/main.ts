/** The program `auth` by itself, before a PostgreSQL of its own: each call beside its peer, sign-in beside what hashing allows. */
import { setTimeout as delay } from 'node:timers/promises';
import { columns, heading, line, missed, percent, rounded } from '../figures.ts';
import { inFolder, type StopAtEnd } from '../in-folder.ts';
import { sqliteFile, startLite } from '../lite.ts';
import { Cluster } from '../rest-program/cluster.ts';
import { type Answers, Load, type Pace, whole } from '../rest-program/load.ts';
import { ask, type Question } from '../rest-program/scenarios.ts';
import type { Service } from '../rest-program/service.ts';
import { childrensSeconds, memory, processorSeconds } from '../rest-program/usage.ts';
import * as calls from './calls.ts';
import { hashes, type Hashes, makeDatabase, SECRET, startAuth } from './program.ts';
import { copyInOurs, copyInPostgres, copyInSqlite } from './users.ts';

/** To the database, of the program and of the peer: the peer's own default. */
const POOL = 10;
/** To the service. */
const CONNECTIONS = 16;
const MANY_CONNECTIONS = 64;
const WARM_UP_SECONDS = 1;
const DATABASE = 'bench';
/** Users with a token: those who have a session at the beginning, those of the warm-up, and those who are measured. */
const USERS = 40_000;
const WARM_UP_USERS = 1_000;

/** What the figures should be: */
const TIMES_PEER = 3;
const OF_BOUND = 0.9;

const PEER_AUTH = `enabled = true
site_url = "http://localhost:3000"
jwt_secret = "${SECRET}"
[auth.email]
enable_confirmations = false`;

/** A service with its users, of whom some are signed in. */
interface Subject {
  name: string;
  service: Service;
  sessions: Session[];
}

interface Session {
  access_token: string;
  refresh_token: string;
}

interface Call {
  name: string;
  /** It has this many times the peer's figure as its aim. */
  times?: number;
  connections?: number;
  pace: Pace;
  /** What is sent for the figure, or for the warm-up before. */
  asked(subject: Subject, warmsUp: boolean): Question[];
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

const CALLS: Call[] = [
  { name: 'GET user', times: TIMES_PEER, pace: 'closed', asked: ({ sessions }) => sessions.map((session) => calls.user(session.access_token)) },
  {
    name: 'refresh',
    times: TIMES_PEER,
    pace: 'chain=refresh_token',
    // Each connection uses its sessions up one by one.
    asked: ({ sessions }) => sessions.splice(0, CONNECTIONS).map((session) => calls.refresh(session.refresh_token)),
  },
  {
    name: 'verify',
    pace: 'once',
    asked: (_, warmsUp) => (warmsUp ? numbers(MANY_CONNECTIONS + 1, WARM_UP_USERS) : numbers(WARM_UP_USERS, USERS + 1)).map(calls.verify),
  },
  { name: 'sign-in by password', pace: 'closed', asked: () => numbers(1, WARM_UP_USERS).map((number) => calls.signIn(calls.email(number))) },
  {
    name: 'sign-up',
    connections: MANY_CONNECTIONS,
    pace: 'once',
    asked: (_, warmsUp) => numbers(0, 10_000).map((number) => calls.signUp(`new.${number}@${warmsUp ? 'warm-up' : 'measured'}.example.com`)),
  },
];

/** `seconds` for each figure. */
export async function auth(seconds: number): Promise<void> {
  await inFolder('supacloud-auth-', async (home, stopAtEnd) => {
    const load = await Load.make(home);
    const cluster = await Cluster.start(home);
    stopAtEnd(cluster);
    await new Bench(home, cluster, load, seconds, stopAtEnd).run();
  });
}

class Bench {
  readonly #home: string;
  readonly #cluster: Cluster;
  readonly #load: Load;
  readonly #seconds: number;
  readonly #stopAtEnd: StopAtEnd;
  readonly #notes: string[] = [];

  constructor(home: string, cluster: Cluster, load: Load, seconds: number, stopAtEnd: StopAtEnd) {
    this.#home = home;
    this.#cluster = cluster;
    this.#load = load;
    this.#seconds = seconds;
    this.#stopAtEnd = stopAtEnd;
  }

  async run(): Promise<void> {
    const ours = await this.#start();
    const idle = memory(ours.service.pid);
    const peers = await this.#startPeers();
    heading(`The program auth, ${CONNECTIONS} connections to it and ${POOL} to the database (! misses the aim)`);
    line('settings', 'a fresh project’s, but addresses are confirmed at once, and no limits by address: all calls come from one');
    columns('calls a second', 'auth', 'p50 ms', 'p99 ms', 'CPU auth', 'and DB', ...peers.flatMap(({ name }) => [name, 'p50 ms', 'p99 ms', 'times']));
    columns('', '', '', '', 's/1,000', 's/1,000', ...peers.flatMap(() => ['', '', '', '(aim)']));
    for (const call of CALLS) await this.#measure(call, ours, peers);
    for (const note of this.#notes) console.log(`  (${note})`);

    heading('Memory of the program auth, MiB');
    line('at idle', `${idle.rss.toFixed(1)} RSS, ${idle.pss.toFixed(1)} PSS`);
    const [{ rss, pss }] = await Promise.all([
      delay(this.#seconds * 500).then(() => memory(ours.service.pid)),
      this.#load.send(ours.service.place, CALLS[0]!.asked(ours, false), 'closed', MANY_CONNECTIONS, this.#seconds),
    ]);
    line(`GET user from ${MANY_CONNECTIONS} connections`, `${rss.toFixed(1)} RSS, ${pss.toFixed(1)} PSS`);
  }

  /** Prints a line, and for sign-in a second one. */
  async #measure(call: Call, ours: Subject, peers: Subject[]): Promise<void> {
    const isBound = call.name.startsWith('sign-in');
    await this.#answers(call, ours, true);
    const before = isBound ? await hashes(this.#seconds / 2) : undefined;
    const used = () => [processorSeconds(ours.service.pid), childrensSeconds(this.#cluster.pid)];
    const usedBefore = used();
    const answers = await this.#answers(call, ours, false);
    const perThousand = used().map((now, i) => (1000 * (now - usedBefore[i]!)) / answers.requests);
    const after = isBound ? await hashes(this.#seconds / 2) : undefined;
    const beside: string[] = [];
    for (const peer of peers) beside.push(...(await this.#measurePeer(call, peer, answers)));
    const name = `${call.name}${call.connections ? ` (${call.connections})` : ''}`;
    columns(name, rounded(answers.perSecond), answers.p50.toFixed(2), answers.p99.toFixed(2), ...perThousand.map((s) => s.toFixed(2)), ...beside);
    if (before && after) this.#besideHashes(before, after, answers, perThousand.reduce((sum, s) => sum + s));
    const failed = Object.entries(answers.failed).map(([status, count]) => `${count} answered ${status}`);
    if (call.connections || failed.length > 0) line('  errors', failed.length > 0 ? `${failed.join(', ')} !` : '0');
  }

  /** Sign-in beside what hashing allows, as it was measured just before and just after. `used`: milliseconds of the processor for each. */
  #besideHashes(before: Hashes, after: Hashes, { perSecond }: Answers, used: number): void {
    const mean = (of: 'alone' | 'together' | 'milliseconds') => (before[of] + after[of]) / 2;
    const { cost, threads } = before;
    const bound = threads * mean('alone');
    const hash = `one bcrypt of cost ${cost} by the program’s own hasher, ${(1000 / mean('alone')).toFixed(1)} ms`;
    line('  bound', `${bound.toFixed(1)} a second: ${threads} cores ÷ ${hash}; ${mean('together').toFixed(1)} a second were made by ${threads} threads`);
    line('  sign-in', `${percent(perSecond, bound)} of the bound${missed(perSecond < OF_BOUND * bound)} (aim: ≥ 90 %), ${percent(perSecond, mean('together'))} of the threads’`);
    line('  its processor time', `${percent(mean('milliseconds'), used)} is the hash: ${mean('milliseconds').toFixed(1)} of ${used.toFixed(1)} ms, the database’s included`);
  }

  #answers({ asked, pace, connections = CONNECTIONS }: Call, subject: Subject, warmsUp: boolean): Promise<Answers> {
    return this.#load.send(subject.service.place, asked(subject, warmsUp), pace, connections, warmsUp ? WARM_UP_SECONDS : this.#seconds);
  }

  async #measurePeer(call: Call, peer: Subject, { perSecond }: Answers): Promise<string[]> {
    try {
      await this.#answers(call, peer, true);
      const theirs = whole(await this.#answers(call, peer, false));
      const times = (perSecond / theirs.perSecond).toFixed(1);
      const misses = call.times !== undefined && perSecond < call.times * theirs.perSecond;
      return [rounded(theirs.perSecond), theirs.p50.toFixed(2), theirs.p99.toFixed(2), times + missed(misses)];
    } catch (error) {
      this.#notes.push(`${peer.name}, ${call.name}: ${(error as Error).message.trim().split('\n').at(-1)}`);
      return ['can’t', '', '', ''];
    }
  }

  async #start(): Promise<Subject> {
    await makeDatabase(this.#cluster, DATABASE);
    const service = await startAuth(this.#cluster, DATABASE, POOL);
    this.#stopAtEnd(service);
    return this.#filled('auth', service, () => copyInOurs(this.#cluster, DATABASE, USERS));
  }

  async #startPeers(): Promise<Subject[]> {
    const common = { auth: PEER_AUTH, root: '/auth/v1', check: '/health' };
    const onSqlite = await startLite(this.#home, 'lite-sqlite', { ...common, database: { driver: 'sqlite-postgres' } });
    this.#stopAtEnd(onSqlite);
    const database = 'peer';
    await this.#cluster.sql('postgres', `create database ${database}`);
    const uri = this.#cluster.addressUri(database);
    const onPostgres = await startLite(this.#home, 'lite-postgres', { ...common, database: { driver: 'postgres', uri } });
    this.#stopAtEnd(onPostgres);
    return [
      await this.#filled('lite', onSqlite, () => copyInSqlite(sqliteFile(this.#home, 'lite-sqlite'), USERS)),
      await this.#filled('lite, PG', onPostgres, () => copyInPostgres(this.#cluster, database, USERS)),
    ];
  }

  /** With everybody, and those signed in who are to be at the beginning. */
  async #filled(name: string, service: Service, copy: () => Promise<void> | void): Promise<Subject> {
    await answer(service, calls.signUp(calls.PATTERN));
    await copy();
    const sessions: Session[] = [];
    for (const number of numbers(1, MANY_CONNECTIONS + 1)) sessions.push((await answer(service, calls.verify(number))) as Session);
    return { name, service, sessions };
  }
}

async function answer({ place }: Service, question: Question): Promise<unknown> {
  const response = await ask(place, question);
  const text = await response.text();
  if (!response.ok) throw new Error(`${question.path}: ${response.status} ${text}`);
  return JSON.parse(text);
}
