/**
 * What the program sends to PostgreSQL for a request, read from PostgreSQL's log, and the same for pgbench: so the floor can't
 * fall behind the program.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import type { Load } from './load.ts';
import { type Scenario, SCENARIOS } from './scenarios.ts';
import { startRest } from './service.ts';

/** Requests before those that are looked at: a statement is prepared when it is met again. */
const UNPREPARED = 3;
/** Slow enough for one connection. */
const PER_SECOND = 100;

interface Statement {
  sql: string;
  parameters: string[];
}

/** One request's. */
type Transaction = Statement[];

/** The same statements as scripts for pgbench. */
export interface Floor {
  /** As the program sends them: together. */
  together: string;
  /** As anyone would write them, and as PostgREST does: BEGIN, the session's set-up, the statement, COMMIT, each in its turn. */
  byHand: string;
}

/** The floor of each scenario, for `clients` of pgbench, each with a request of its own. */
export async function floors(cluster: Cluster, load: Load, database: string, clients: number): Promise<Floor[]> {
  await cluster.sql('postgres', `alter role authenticator set log_statement = 'all'`);
  // One connection: what is logged comes one after the other.
  const service = await startRest(cluster, database, 1);
  try {
    const found: Floor[] = [];
    for (const scenario of SCENARIOS) {
      const before = transactions(cluster).length;
      const count = UNPREPARED + clients;
      await load.open(service.place, scenario, PER_SECOND, 1, count / PER_SECOND);
      found.push(floor((await logged(cluster, before, count, scenario)).slice(UNPREPARED)));
    }
    return found;
  } finally {
    await service.stop();
    await cluster.sql('postgres', 'alter role authenticator reset log_statement');
  }
}

async function logged(cluster: Cluster, before: number, count: number, scenario: Scenario): Promise<Transaction[]> {
  for (let tries = 0; tries < 500; tries++) {
    const found = transactions(cluster).slice(before);
    const texts = new Set(found.map((transaction) => transaction.map(({ sql }) => sql).join('\n')));
    if (found.length === count && texts.size === 1) return found;
    if (found.length > count || texts.size > 1) throw new Error(`${scenario.name}: not the same statements: ${[...texts].join('\n\n')}`);
    await delay(10); // The log is written by another process.
  }
  throw new Error(`${scenario.name}: PostgreSQL's log has no ${count} transactions`);
}

/** Those of requests: each sets the role and more for itself. */
function transactions(cluster: Cluster): Transaction[] {
  const all = new Map<string, Transaction>();
  for (const { message, detail, vxid } of cluster.log()) {
    const sql = /^(?:statement|execute [^:]+): (.*)$/s.exec(message)?.[1]?.trim().replace(/;$/, '');
    if (!sql || !vxid) continue;
    const statement = { sql, parameters: parameters(detail ?? '') };
    all.set(vxid, [...(all.get(vxid) ?? []), statement]);
  }
  return [...all.values()].filter((transaction) => transaction.some(({ sql }) => /\bset_config\(/.test(sql)));
}

function parameters(detail: string): string[] {
  return [...detail.matchAll(/\$\d+ = (NULL|'(?:[^']|'')*')/g)].map(([, value = '']) => {
    if (value === 'NULL') throw new Error('pgbench has no NULL for a parameter');
    return value.slice(1, -1).replaceAll("''", "'");
  });
}

/** A variable of pgbench. */
const variable = (statement: number, parameter: number) => `s${statement}_${parameter}`;

/**
 * A client of pgbench first sets its variables, once: pgbench itself knows numbers only. Then, as the program does, it sends all in
 * one round trip, and COMMIT in a second one where the program says it. (Where it does not, the program takes a second round trip
 * before it lets a write be committed; pgbench can't.)
 */
function floor(clients: Transaction[]): Floor {
  const [pattern = []] = clients;
  const values = pattern.flatMap(({ parameters }, statement) =>
    parameters.map((_, parameter) => {
      const cases = clients.map((client, number) => `when ${number} then ${literal(client[statement]!.parameters[parameter]!)}`);
      return `case :client_id::integer ${cases.join(' ')} end as ${variable(statement, parameter + 1)}`;
    }),
  );
  const statements = pattern.map(({ sql }, statement) => {
    // pgbench takes it for a variable, even within quotes.
    if (/(^|[^:]):\w/.test(sql)) throw new Error(`pgbench can't run this: ${sql}`);
    return `${sql.replace(/\$(\d+)/g, (_, parameter) => `:${variable(statement, Number(parameter))}`)};`;
  });
  const commits = /^commit\b/i.test(pattern.at(-1)!.sql);
  const [together, apart] = commits ? [statements.slice(0, -1), statements.slice(-1)] : [statements, []];
  const within = statements.filter((statement) => !/^(begin|commit)\b/i.test(statement));
  const script = (lines: string[]) =>
    ['\\if :begun = 0', `select ${values.join(', ')} \\gset`, '\\set begun 1', '\\endif', ...lines, ''].join('\n');
  return {
    together: script(['\\startpipeline', ...together, '\\endpipeline', ...apart]),
    byHand: script(['begin;', ...within, 'commit;']),
  };
}

/** Text without a character that means something to pgbench. */
function literal(text: string): string {
  return `convert_from(decode('${Buffer.from(text).toString('hex')}', 'hex'), 'utf8')`;
}
