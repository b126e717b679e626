/** The peer of the program rest, with the shop's data. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type LiteDatabase, startLite } from '../lite.ts';
import { data, TABLES } from './scenarios.ts';
import type { Service } from './service.ts';

/** A row that is not there. */
const CHECK = '/customers?select=id&id=eq.0';

/** Starts it with the data; in PostgreSQL it has to be there. */
export function startPeer(home: string, name: string, database: LiteDatabase): Promise<Service> {
  return startLite(home, name, { database, auth: 'enabled = false', root: '/rest/v1', check: CHECK, tables: TABLES, fill });
}

/** Writes the data past it: it takes a few rows at a time only. It keeps the values as they are in JSON. */
function fill(file: string): void {
  const database = new DatabaseSync(file);
  database.exec('begin');
  for (const { table, rows } of data()) {
    const names = Object.keys(rows[0]!);
    const insert = database.prepare(`insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`);
    for (const row of rows) insert.run(...names.map((name) => row[name] as SQLInputValue));
  }
  database.exec('commit');
  database.close();
}
