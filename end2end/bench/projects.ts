import { setTimeout as delay } from 'node:timers/promises';
import { ManagementApi, type Project } from '../support/api.ts';
import type { Server } from '../support/server.ts';
import { timed } from './figures.ts';

/** Longest time for a project to answer. */
const PATIENCE_MS = 120_000;

/** A server with the two things that are measured of projects, whatever runs them. */
export class Projects {
  readonly server: Server;
  readonly api: ManagementApi;
  readonly #pauseMs: number;

  /** `pauseMs`: between two questions whether a project answers. What is asked for takes part in what is measured. */
  constructor(server: Server, pauseMs = 2) {
    this.server = server;
    this.#pauseMs = pauseMs;
    this.api = new ManagementApi(server.url);
  }

  /** From the request for a project to its first answer, in milliseconds. The project stays. */
  async create(): Promise<{ project: Project; took: number }> {
    let project: Project | undefined;
    const took = await timed(async () => {
      project = await this.api.create();
      const { publishable } = await this.api.keys(project.ref);
      await this.#first200(project.ref, publishable);
    });
    return { project: project!, took };
  }

  async createAndDelete(): Promise<number> {
    const { project, took } = await this.create();
    await this.api.delete(project.ref);
    return took;
  }

  /** From the request to resume to the first answer, in milliseconds. */
  async resume(project: Project): Promise<number> {
    const { publishable } = await this.api.keys(project.ref);
    await this.api.change(project.ref, 'pause');
    await this.api.until(project.ref, 'INACTIVE');
    const took = await timed(async () => {
      await this.api.change(project.ref, 'restore');
      await this.#first200(project.ref, publishable);
    });
    await this.api.until(project.ref, 'ACTIVE_HEALTHY');
    return took;
  }

  /** Asks until the answer is 200; how soon that is, is what is measured. */
  async #first200(ref: string, key: string): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline) {
      const response = await fetch(`${this.server.projectUrl(ref)}/rest/v1/`, { headers: { apikey: key } });
      await response.arrayBuffer();
      if (response.status === 200) return;
      await delay(this.#pauseMs);
    }
    throw new Error(`${ref} never answered 200`);
  }
}
