/** What processes use, as the kernel counts it. */
import { readdirSync, readFileSync } from 'node:fs';
import { MEBIBYTE, pss } from '../memory.ts';

/** The kernel's hundredths of a second. */
const TICKS = 100;

/** State, parent, … of a process: what follows its name, which may have anything in it. */
function stat(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return []; // It has ended.
  }
}

/** Seconds of the processor: the sum of some of the fields. */
function seconds(pid: number, from: number, to: number): number {
  return stat(pid).slice(from, to).reduce((sum, ticks) => sum + Number(ticks) / TICKS, 0);
}

/** Seconds of the processor that a process has used, for itself and within the kernel. */
export function processorSeconds(pid: number): number {
  return seconds(pid, 11, 13);
}

/** The same of a process's children, those that have ended included: with a postmaster, all that is done for its clients. */
export function childrensSeconds(parent: number): number {
  const running = readdirSync('/proc').map(Number).filter((pid) => pid > 0 && stat(pid)[1] === `${parent}`);
  return running.reduce((sum, pid) => sum + processorSeconds(pid), seconds(parent, 13, 15));
}

export interface Held {
  rss: number;
  /** The most that it ever was. */
  peak: number;
  pss: number;
}

/** Memory of a process in MiB. */
export function memory(pid: number): Held {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { rss: mebibytes('VmRSS'), peak: mebibytes('VmHWM'), pss: pss(pid) / MEBIBYTE };
}
