import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interrupted } from './interrupted.ts';

/** What is to be stopped when all is over. */
export type StopAtEnd = (what: { stop(): Promise<void> }) => void;

/** Measures in a folder of its own, of which nothing is left afterwards, nor of what was started, even after Ctrl-C. */
export async function inFolder(prefix: string, work: (home: string, stopAtEnd: StopAtEnd) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), prefix));
  // Not one that only its owner may enter: as root, the cluster runs as another user.
  chmodSync(home, 0o755);
  const started: { stop(): Promise<void> }[] = [];
  try {
    await Promise.race([work(home, (what) => started.push(what)), interrupted()]);
  } finally {
    for (const what of started.reverse()) await what.stop();
    // What was interrupted may still write for a moment.
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
