// Runs the test programs that cargo has made, in two lanes beside each other: tests with containers mostly wait, and nearly
// all others compute.
//
//   cargo test --no-run --message-format json-render-diagnostics … | node .ci/tests.mjs FOLDER
//
// Each program's output goes into a file of FOLDER. What those that failed have said is shown when all have ended, so that
// the end of a log says why.
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.resolve(process.argv[2]);
// Also in the longer lane most tests begin with a wait: for a database that starts, or for a disk.
const threads = process.env.RUST_TEST_THREADS ?? '3';

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

/** Runs one program to its end; answers how it went. */
async function run({ name, cwd, program, words }) {
  const file = path.join(folder, `${name.replaceAll(/[^a-z]+/g, '-')}.log`);
  const log = openSync(file, 'w');
  const began = Date.now();
  const environment = { ...process.env, CARGO_MANIFEST_DIR: cwd, RUST_TEST_THREADS: threads };
  const child = spawn(program, words, { cwd, env: environment, stdio: ['ignore', log, log] });
  const code = await new Promise((resolve) => {
    child.on('error', (error) => resolve(String(error)));
    child.on('exit', (code, signal) => resolve(code ?? signal));
  });
  const output = readFileSync(file, 'utf8');
  const result = /^test result: \w+\. (.*); finished in/m.exec(output)?.[1] ?? 'no result';
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name}: ${result}; ${Math.round((Date.now() - began) / 1000)} s`);
  return { name, code, output };
}

mkdirSync(folder, { recursive: true });
const results = await Promise.all(
  lanes(programs(readFileSync(0, 'utf8'))).map(async (lane) => {
    const ended = [];
    for (const one of lane) ended.push(await run(one));
    return ended;
  }),
);
const failed = results.flat().filter(({ code }) => code !== 0);
for (const { name, code, output } of failed) {
  console.log(`\n== FAILED (${code}): ${name}`);
  console.log(output.replaceAll(/^test .* \.\.\. ok$\n/gm, ''));
}
if (failed.length > 0) {
  console.log(`failed: ${failed.map(({ name }) => name).join('; ')}. Whole outputs are in ${folder}.`);
  process.exit(1);
}
