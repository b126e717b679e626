import { Agent, request } from 'node:http';
import { existsSync } from 'node:fs';

/** A label, `name=value`. */
export type Label = string;

/** The Docker Engine API over its socket, as much of it as the benchmark needs. */
export class Engine {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true });
  /** What a path begins with. */
  #version = '';
  /** Nothing is made any more. */
  #closed = false;
  /** What is being made. */
  readonly #making = new Set<Promise<unknown>>();

  private constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** The engine of this machine, or why there is none. */
  static async find(): Promise<Engine | string> {
    const host = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock';
    const path = host.startsWith('unix://') ? host.slice('unix://'.length) : undefined;
    if (!path) return `DOCKER_HOST is ${host}; only an engine on this machine is measured`;
    if (!existsSync(path)) return `there is no ${path}`;
    const engine = new Engine(path);
    try {
      const { ApiVersion } = await engine.get<{ ApiVersion: string }>('/version');
      engine.#version = `/v${ApiVersion}`;
      return engine;
    } catch (error) {
      return (error as Error).message;
    }
  }

  async get<T>(path: string): Promise<T> {
    return this.#ask<T>('GET', path);
  }

  async post<T = void>(path: string, body?: object): Promise<T> {
    if (this.#closed) throw new Error('the benchmark is at its end');
    const making = this.#ask<T>('POST', path, body);
    this.#making.add(making);
    try {
      return await making;
    } finally {
      this.#making.delete(making);
    }
  }

  /** One that is not there is fine. */
  async delete(path: string): Promise<void> {
    await this.#ask('DELETE', path, undefined, [404]);
  }

  /** Removes everything with one of the labels, and lets nothing new be made. What is in use by others stays. */
  async removeAll(labels: Label[]): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#making);
    for (const label of labels) {
      const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
      const containers = await this.get<{ Id: string }[]>(`/containers/json?all=1&filters=${filters}`);
      await Promise.all(containers.map(({ Id }) => this.#ask('DELETE', `/containers/${Id}?force=1&v=1`, undefined, [404, 409])));
      const networks = await this.get<{ Id: string }[]>(`/networks?filters=${filters}`);
      for (const { Id } of networks) await this.delete(`/networks/${Id}`);
      const { Volumes: volumes } = await this.get<{ Volumes: { Name: string }[] | null }>(`/volumes?filters=${filters}`);
      for (const { Name } of volumes ?? []) await this.delete(`/volumes/${Name}`);
      const images = await this.get<{ Id: string; RepoTags: string[] | null }[]>(`/images/json?filters=${filters}`);
      for (const { Id, RepoTags: tags } of images) {
        for (const name of tags?.length ? tags : [Id]) await this.#ask('DELETE', `/images/${name}`, undefined, [404, 409]);
      }
    }
    this.#agent.destroy();
  }

  #ask<T>(method: string, path: string, body?: object, fine: number[] = []): Promise<T> {
    const text = body && JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = text ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {};
      const asking = request(
        { socketPath: this.#socketPath, agent: this.#agent, method, path: `${this.#version}${path}`, headers },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const answer = Buffer.concat(chunks).toString();
            const status = response.statusCode ?? 0;
            if (status >= 300 && status !== 304 && !fine.includes(status)) {
              return reject(new Error(`the engine: ${method} ${path}: ${status} ${answer.trim()}`));
            }
            resolve((answer && response.headers['content-type']?.includes('json') ? JSON.parse(answer) : undefined) as T);
          });
        },
      );
      asking.on('error', reject);
      asking.end(text);
    });
  }
}
