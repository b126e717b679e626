/**
 * `make bench`: the figures that issue and README speak of, each beside its floor, measured in the same run on the same
 * machine. BENCH_PARTS=rest leaves out the other parts, BENCH_DRIVERS=docker the other drivers of projects; BENCH_PROJECTS
 * (default 200), BENCH_SAMPLES (default 30) and BENCH_SECONDS (default 4, for each figure of rest, auth and flood) shorten it.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { binary } from '../support/server.ts';
import { restBesideFlood } from './auth/flood.ts';
import { auth } from './auth/main.ts';
import { knownAndUnknown } from './auth/uniform.ts';
import { docker } from './docker.ts';
import { heading, line } from './figures.ts';
import { local } from './local.ts';
import { restProgram } from './rest-program/main.ts';

const MOST_PROJECTS = Number(process.env.BENCH_PROJECTS ?? 200);
const SAMPLES = Number(process.env.BENCH_SAMPLES ?? 30);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const DRIVERS = (process.env.BENCH_DRIVERS ?? 'local,docker').split(',');
const PARTS = (process.env.BENCH_PARTS ?? 'projects,wasm,rest,auth,uniform,flood').split(',');

if (PARTS.includes('projects')) {
  const localReads = DRIVERS.includes('local') ? await local(SAMPLES, MOST_PROJECTS) : undefined;
  if (DRIVERS.includes('docker')) await docker(SAMPLES, localReads);
}
if (PARTS.includes('wasm')) {
  heading('wasm, KB');
  wasm();
}
if (PARTS.includes('rest')) await restProgram(SECONDS);
if (PARTS.includes('auth')) await auth(SECONDS);
if (PARTS.includes('uniform')) await knownAndUnknown();
if (PARTS.includes('flood')) await restBesideFlood(SECONDS);

function wasm(): void {
  const pkg = resolve(binary, '../../site/pkg');
  const name = readdirSync(pkg).find((name) => name.endsWith('.wasm'));
  if (!name) throw new Error(`no wasm in ${pkg}`);
  const path = join(pkg, name);
  const kilobytes = (bytes: number) => (bytes / 1024).toFixed(0);
  const sizeOf = (path: string) => (existsSync(path) ? kilobytes(statSync(path).size) : '?');
  line('raw, gzip, brotli', `${sizeOf(path)}  ${kilobytes(gzipSync(readFileSync(path)).length)}  ${sizeOf(`${path}.br`)}`);
}
