// Readies the built dashboard for browsers: writes the style so that older ones understand it, names files by their content,
// so that they can be kept for ever, and packs all files of the site.
//
//   node frontend/site.mjs SITE HASHES
//
// HASHES is where the names go, in the form that leptos reads beside the server's program.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { transform } from 'lightningcss';

/** The oldest browsers that the style is written for. */
const BROWSERS = { chrome: 109, edge: 109, firefox: 115, safari: 15, ios_saf: 15 };

const [site, hashes] = process.argv.slice(2);
const built = (name) => path.join(site, 'pkg', name);

const style = built('supacloud.css');
// As lightningcss numbers them: a version's first part is in the third byte.
const targets = Object.fromEntries(Object.entries(BROWSERS).map(([browser, version]) => [browser, version << 16]));
writeFileSync(style, transform({ filename: style, code: readFileSync(style), minify: true, targets }).code);

const names = ['js', 'wasm', 'css'].map((kind) => {
  const file = built(`supacloud.${kind}`);
  const hash = createHash('sha256').update(readFileSync(file)).digest('base64url').slice(0, 22);
  renameSync(file, built(`supacloud.${hash}.${kind}`));
  return `${kind}: ${hash}\n`;
});
writeFileSync(hashes, names.join(''));

for (const entry of readdirSync(site, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())) {
  const file = path.join(entry.parentPath, entry.name);
  const content = readFileSync(file);
  // Brotli is at its best by default.
  writeFileSync(`${file}.br`, brotliCompressSync(content));
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
}
