// Runs the test programs that cargo has made, in two lanes beside each other: tests with containers, of which one runs at a
// time, and all others.
//
//   cargo test --no-run --message-format json-render-diagnostics … | node .ci/tests.mjs FOLDER
//
// Each program's output goes into a file of FOLDER. What those that failed have said is shown when all have ended, so that
// the end of a log says why. Tests that failed are run a second time then, with nothing beside them: what fails again fails
// the run, what passes is named as unsteady.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.resolve(process.argv[2]);

/** The programs of cargo's messages, as { name, cwd, program, words }. */
function programs(messages) {
  const made = messages.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  return made
    .filter((message) => message.executable && message.profile.test)
    .map(({ manifest_path, target, executable }) => {
      const cwd = path.dirname(manifest_path);
      return { name: `${path.relative(root, cwd)} ${target.kind[0]} ${target.name}`, cwd, program: executable, words: [] };
    });
}

/** One lane has whatever needs the Docker engine: a test of the server's begins it again. The other one has everything else. */
function lanes(all) {
  const server = all.find(({ name }) => name === 'server test it');
  const provisioner = all.find(({ name }) => name === 'server/provisioner test it');
  if (!server || !provisioner) throw new Error(`the tests of server and provisioner are not among ${all.map(({ name }) => name)}`);
  const containers = { ...server, name: `${server.name}, containers`, words: ['docker::'] };
  const others = { ...server, name: `${server.name}, all others`, words: ['--skip', 'docker::'] };
  return [
    [containers, provisioner],
    [others, ...all.filter((one) => one !== server && one !== provisioner)],
  ];
}

/**
 * The words in front of a program that has /tmp in memory, which all such programs share and which goes with this process.
 * A project's cluster is a thousand files, and where many have just been removed a disk may take long to make new ones (ext4
 * without a journal looks at each of the removed ones first). None but for root, and where there is little memory.
 */
async function inMemory(all) {
  const hidden = [root, ...all.map(({ program }) => program)].some((file) => file.startsWith('/tmp/'));
  if (process.getuid() !== 0 || os.totalmem() < 12 * 2 ** 30 || hidden) return [];
  const words = ['--mount', 'sh', '-c', 'mount -t tmpfs -o mode=1777 tmpfs /tmp && echo mounted && exec cat'];
  const holder = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const mounted = await Promise.race([once(holder.stdout, 'data').then(() => true), once(holder, 'close').then(() => false)]);
  if (!mounted) return [];
  process.on('exit', () => holder.kill());
  holder.unref();
  for (const pipe of [holder.stdin, holder.stdout]) pipe.unref();
  return ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`];
}

/** Runs one program to its end; answers how it went. */
async function run({ name, cwd, program, words }, before) {
  const file = path.join(folder, `${name.replaceAll(/[^a-z]+/g, '-')}.log`);
  const log = openSync(file, 'w');
  const began = Date.now();
  const [first, ...others] = before.length > 0 ? [...before, `--wd=${cwd}`, program, ...words] : [program, ...words];
  const child = spawn(first, others, { cwd, stdio: ['ignore', log, log] });
  const code = await new Promise((resolve) => {
    child.on('error', (error) => resolve(String(error)));
    child.on('exit', (code, signal) => resolve(code ?? signal));
  });
  const output = readFileSync(file, 'utf8');
  const result = /^test result: .*$/m.exec(output)?.[0] ?? 'no result';
  console.log(`${name}: ${Math.round((Date.now() - began) / 1000)} s, ${code === 0 ? 'ok' : `FAILED (${code})`}\n${result}`);
  return { name, cwd, program, code, output };
}

/** One after the other. */
async function runAll(lane, before) {
  const ended = [];
  for (const one of lane) ended.push(await run(one, before));
  return ended;
}

/** The names of the tests that failed, as libtest lists them at the end; none where the program ended in another way. */
function failedTests(output) {
  const list = output.split('\nfailures:\n').at(-1).split('\n\n')[0];
  return /^test result: FAILED/m.test(output) ? [...list.matchAll(/^ {4}(\S+)$/gm)].map(([, name]) => name) : [];
}

/** What failed, once more by itself; answers whether all of it passed. */
async function again({ name, cwd, program, output }, before) {
  const tests = failedTests(output);
  if (tests.length === 0) return false;
  const { code } = await run({ name: `${name}, again`, cwd, program, words: ['--exact', '--test-threads=1', ...tests] }, before);
  if (code === 0) console.log(`UNSTEADY: ${tests.join(', ')} (failed beside others, passed alone)`);
  return code === 0;
}

/** The ranges in which tests have the networks of their projects. */
const TEST_RANGES = /^10\.(219|221|222)\./;

/**
 * Removes the containers and networks of a run that was killed: the engine starts them again whenever it begins. In CI only, where
 * nobody else has an engine's networks: elsewhere another clone's tests may run.
 */
function removeLeftovers() {
  if (!process.env.CI) return;
  const docker = (...words) => execFileSync('docker', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n').filter(Boolean);
  try {
    for (const network of docker('network', 'ls', '--quiet', '--filter', 'driver=bridge')) {
      const [subnet] = docker('network', 'inspect', '--format', '{{range .IPAM.Config}}{{.Subnet}}{{end}}', network);
      if (!TEST_RANGES.test(subnet ?? '')) continue;
      const containers = docker('container', 'ls', '--all', '--quiet', '--filter', `network=${network}`);
      if (containers.length > 0) docker('container', 'rm', '--force', '--volumes', ...containers);
      docker('network', 'rm', network);
      console.log(`removed what a killed run had left in ${subnet}: ${containers.length} containers`);
    }
  } catch (error) {
    console.log(`what a killed run may have left is not looked for: ${error.message.split('\n')[0]}`);
  }
}

mkdirSync(folder, { recursive: true });
removeLeftovers();
const all = programs(readFileSync(0, 'utf8'));
const [containers, others] = lanes(all);
const memory = await inMemory(all);
const results = await Promise.all([runAll(containers, []), runAll(others, memory)]);
const failed = [];
for (const [lane, before] of [[results[0], []], [results[1], memory]]) {
  for (const one of lane.filter(({ code }) => code !== 0)) {
    console.log(`\n== FAILED (${one.code}): ${one.name}`);
    console.log(one.output.replaceAll(/^test .* \.\.\. ok$\n/gm, ''));
    if (!(await again(one, before))) failed.push(one);
  }
}
if (failed.length > 0) {
  console.log(`failed: ${failed.map(({ name }) => name).join('; ')}. Whole outputs are in ${folder}.`);
  process.exit(1);
}
