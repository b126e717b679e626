/**
 * The program `rest` by itself, before a PostgreSQL of its own: each request beside pgbench with the very same statements on as
 * many connections (the floors), and beside its peer.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { columns, heading, line, missed, percent, rounded } from '../figures.ts';
import { inFolder, type StopAtEnd } from '../in-folder.ts';
import { Cluster } from './cluster.ts';
import { large } from './large.ts';
import { Load } from './load.ts';
import { startPeer } from './peer.ts';
import { ask, data, FUNCTION, type Scenario, SCENARIOS, TABLES } from './scenarios.ts';
import { type Service, startRest } from './service.ts';
import { type Floor, floors } from './statements.ts';
import { childrensSeconds, memory, processorSeconds } from './usage.ts';

/** To the database, of the program and of pgbench; PostgREST's default. */
const POOL = 10;
/** To the service. */
const CONNECTIONS = 16;
const MANY_CONNECTIONS = 64;
/** Of what the closed loop reaches, in the open one. */
const SHARE = 0.7;
const WARM_UP_SECONDS = 1;
const ROLES = `
create role anon nologin; create role authenticated nologin; create role service_role nologin bypassrls;
create role authenticator login noinherit; grant anon, authenticated, service_role to authenticator;
`;

const DATABASE = 'bench';

/** What the figures should be, */
const OF_FLOOR = 0.75;
const TIMES_PEER = 3;
/** p99 in p50s of the open loop, */
const TAIL = 3;
/** and in MiB. */
const MOST_MEMORY = 30;

/** The columns after those of the rates. */
const UNDER_LOAD = {
  names: ['p50 ms', 'p99 ms', 'at 70 %', 'p50 ms', 'p99 ms', 'times', 'CPU rest', 'and DB'],
  aims: ['', '', '', '', '', '≤ 3', 's/1,000', 's/1,000'],
};

interface Peer {
  name: string;
  service: Service;
  /** In our cluster. */
  database?: string;
}

/** `seconds` for each figure. */
export async function restProgram(seconds: number): Promise<void> {
  await inFolder('supacloud-rest-', async (home, stopAtEnd) => {
    const load = await Load.make(home);
    const cluster = await Cluster.start(home);
    stopAtEnd(cluster);
    await new Bench(home, cluster, load, seconds, stopAtEnd).run();
    await large(cluster);
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
    await this.#makeDatabase();
    const found = await floors(this.#cluster, this.#load, DATABASE, POOL);
    const peers = await this.#startPeers();
    const rest = await startRest(this.#cluster, DATABASE, POOL);
    this.#stopAtEnd(rest);

    heading(`The program rest, ${CONNECTIONS} connections to it and ${POOL} to the database (! misses the aim)`);
    const ofPeers = (each: (name: string) => string[]) => peers.flatMap(({ name }) => each(name));
    line('together', 'pgbench with the same statements sent at once, as rest sends them: the least that they cost PostgreSQL');
    line('by hand', 'pgbench with the same statements one by one between BEGIN and COMMIT, as PostgREST sends them');
    columns('requests a second', 'rest', 'together', 'of it', 'by hand', 'of it', ...ofPeers((name) => [name, 'times']), ...UNDER_LOAD.names);
    columns('', '', '', '≥ 75 %', '', '', ...ofPeers(() => ['', '≥ 3']), ...UNDER_LOAD.aims);
    for (const [index, scenario] of SCENARIOS.entries()) {
      columns(scenario.name, ...(await this.#measure(rest, scenario, found[index]!, peers)));
    }
    for (const note of this.#notes) console.log(`  (${note})`);
    heading('Memory of the program rest, MiB');
    const [{ rss, pss }] = await Promise.all([
      delay(this.#seconds * 500).then(() => memory(rest.pid)),
      this.#load.closed(rest.place, SCENARIOS[1]!, MANY_CONNECTIONS, this.#seconds),
    ]);
    line(`under load from ${MANY_CONNECTIONS} connections`, `${rss.toFixed(1)} RSS${missed(rss > MOST_MEMORY)}, ${pss.toFixed(1)} PSS (aim: ≤ ${MOST_MEMORY} RSS)`);
  }

  /** The figures of a scenario, as they are printed. */
  async #measure(rest: Service, scenario: Scenario, floor: Floor, peers: Peer[]): Promise<string[]> {
    await this.#empty(scenario, DATABASE);
    await this.#load.closed(rest.place, scenario, CONNECTIONS, WARM_UP_SECONDS);
    const used = () => [processorSeconds(rest.pid), childrensSeconds(this.#cluster.pid)];
    const before = used();
    const closed = await this.#load.closed(rest.place, scenario, CONNECTIONS, this.#seconds);
    const perThousand = used().map((now, i) => ((1000 * (now - before[i]!)) / closed.requests).toFixed(2));

    await this.#empty(scenario, DATABASE);
    const together = await this.#pgbench(floor.together);
    await this.#empty(scenario, DATABASE);
    const byHand = await this.#pgbench(floor.byHand);
    await this.#empty(scenario, DATABASE);
    const open = await this.#load.open(rest.place, scenario, closed.perSecond * SHARE, CONNECTIONS, this.#seconds);
    const beside: string[] = [];
    const answer = await answerOf(rest, scenario);
    for (const peer of peers) beside.push(...(await this.#measurePeer(peer, scenario, answer, closed.perSecond)));
    return [
      rounded(closed.perSecond),
      rounded(together),
      percent(closed.perSecond, together) + missed(Boolean(scenario.reads) && closed.perSecond < OF_FLOOR * together),
      rounded(byHand),
      percent(closed.perSecond, byHand),
      ...beside,
      closed.p50.toFixed(2),
      closed.p99.toFixed(2),
      rounded(open.perSecond),
      open.p50.toFixed(2),
      open.p99.toFixed(2),
      (open.p99 / open.p50).toFixed(1) + missed(open.p99 > TAIL * open.p50),
      ...perThousand,
    ];
  }

  /** `answer` is ours, to compare with. */
  async #measurePeer(peer: Peer, scenario: Scenario, answer: Answer, ours: number): Promise<string[]> {
    const { name, service, database } = peer;
    const theirs = await answerOf(service, scenario);
    if (!theirs.ok) return this.#cannot(name, scenario, theirs.text.slice(0, 200));
    if (rows(theirs) !== rows(answer)) return this.#cannot(name, scenario, `${rows(theirs)} rows instead of ${rows(answer)}`);
    if (database) await this.#empty(scenario, database);
    try {
      await this.#load.closed(service.place, scenario, CONNECTIONS, WARM_UP_SECONDS);
      const { perSecond } = await this.#load.closed(service.place, scenario, CONNECTIONS, this.#seconds);
      return [rounded(perSecond), (ours / perSecond).toFixed(1) + missed(ours < TIMES_PEER * perSecond)];
    } catch (error) {
      return this.#cannot(name, scenario, (error as Error).message);
    }
  }

  /** What is printed of a peer that can't, and why below the table. */
  #cannot(name: string, scenario: Scenario, why: string): string[] {
    this.#notes.push(`${name}, ${scenario.name}: ${why}`);
    return ['can’t', ''];
  }

  async #pgbench(script: string): Promise<number> {
    const file = join(this.#home, 'floor.sql');
    writeFileSync(file, script);
    const options = ['-c', `${POOL}`, '-j', '1', '-T', `${this.#seconds}`, '-D', 'begun=0', '-f', file];
    return this.#cluster.pgbench(options, DATABASE);
  }

  /** So that what was inserted for one figure does not slow the next. */
  async #empty({ fills }: Scenario, database: string): Promise<void> {
    if (fills) await this.#cluster.sql(database, `truncate public.${fills}`);
  }

  async #makeDatabase(): Promise<void> {
    await this.#cluster.sql('postgres', `${ROLES} create database ${DATABASE};`);
    const grants = 'grant usage on schema public to anon; grant all on all tables in schema public to anon;';
    await this.#cluster.sql(DATABASE, `${TABLES} ${FUNCTION} ${grants}`);
    const rest = await startRest(this.#cluster, DATABASE, 1);
    await fill(rest).finally(() => rest.stop());
    await this.#cluster.sql(DATABASE, 'vacuum analyze');
  }

  /** Before others are connected to the database that one of them has a copy of. */
  async #startPeers(): Promise<Peer[]> {
    const database = 'peer';
    await this.#cluster.sql('postgres', `create database ${database} template ${DATABASE}`);
    const uri = this.#cluster.addressUri(database);
    const onSqlite = await startPeer(this.#home, 'lite-sqlite', { driver: 'sqlite-postgres' });
    this.#stopAtEnd(onSqlite);
    const onPostgres = await startPeer(this.#home, 'lite-postgres', { driver: 'postgres', uri });
    this.#stopAtEnd(onPostgres);
    return [
      { name: 'lite', service: onSqlite },
      { name: 'lite, PG', service: onPostgres, database },
    ];
  }
}

interface Answer {
  ok: boolean;
  text: string;
}

async function answerOf({ place }: Service, scenario: Scenario): Promise<Answer> {
  const response = await ask(place, scenario.ask(0));
  return { ok: response.ok, text: await response.text() };
}

function rows({ text }: Answer): number {
  const answer: unknown = text ? JSON.parse(text) : [];
  return Array.isArray(answer) ? answer.length : 1;
}

/** Inserts the data by the service itself. */
async function fill({ place }: Service): Promise<void> {
  for (const { table, rows } of data()) {
    for (let from = 0; from < rows.length; from += 1000) {
      const body = JSON.stringify(rows.slice(from, from + 1000));
      const response = await ask(place, { method: 'POST', path: `/${table}`, body });
      const answer = await response.text();
      if (!response.ok) throw new Error(`filling ${table}: ${response.status} ${answer}`);
    }
  }
}
