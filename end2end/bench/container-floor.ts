import { randomUUID } from 'node:crypto';
import type { Engine, Label } from './engine.ts';
import { selectOne } from './select-one.ts';

/** Longest time for a server to answer. */
const PATIENCE_MS = 60_000;
const VOLUME = '/var/lib/postgresql';
const TEMPLATE = '/template';
/** Ranges of 16 addresses, from the half of the pool that the server was not given. */
const RANGES = { first: '10.223.128', count: 2048 };

/** Milliseconds, by what they were spent on. */
export type Parts = Record<string, number>;

interface Container {
  Image: string;
  Config: { User: string; Env: string[]; Healthcheck?: object };
  HostConfig: Record<string, unknown>;
}

/** Settings of a container that are the project's own, not its place on the engine. */
const SETTINGS = [
  'CapAdd', 'CapDrop', 'LogConfig', 'Memory', 'MemorySwap', 'NanoCpus', 'PidsLimit', 'ReadonlyRootfs', 'SecurityOpt', 'ShmSize', 'Tmpfs',
];

interface Database {
  container: string;
  network: string;
  volume: string;
  host: string;
}

/**
 * What the engine itself needs for the same data, by its own API and with nothing asked twice: clone the template's volume
 * in a container, make a network meanwhile, make and start a PostgreSQL container with the settings of a project's, and
 * `select 1` over TCP. It publishes no port, and has no services beside it.
 */
export class ContainerFloor {
  readonly #engine: Engine;
  readonly #labels: Record<string, string>;
  readonly #pattern: Container;
  readonly #template: string;
  readonly #databases: Database[] = [];
  #ranges = 0;

  private constructor(engine: Engine, label: Label, pattern: Container) {
    this.#engine = engine;
    const [name, value] = label.split('=') as [string, string];
    this.#labels = { [name]: value };
    this.#pattern = pattern;
    this.#template = this.#name();
  }

  /** `project` names the container of a project's database; `installation` is the label of what its server has made. */
  static async prepare(engine: Engine, label: Label, project: string, installation: Label): Promise<ContainerFloor> {
    const floor = new ContainerFloor(engine, label, await engine.get<Container>(`/containers/${project}/json`));
    const filters = encodeURIComponent(JSON.stringify({ label: [installation, 'supacloud.component=template'] }));
    const { Volumes: templates } = await engine.get<{ Volumes: { Name: string }[] }>(`/volumes?filters=${filters}`);
    if (!templates[0]) throw new Error('there is no template volume');
    await floor.#volume(floor.#template);
    await floor.#clone(templates[0].Name, floor.#template, {});
    // A password would have to be known, and takes time to be checked.
    const trust = ['sh', '-c', `echo 'host all all all trust' >${VOLUME}/data/pg_hba.conf`];
    await floor.#work(trust, [volume(floor.#template, VOLUME)], {});
    return floor;
  }

  /** The database stays, as everything does until {@link removeAll}. */
  async create(): Promise<{ took: number; parts: Parts }> {
    const { took, parts } = await this.#create();
    return { took, parts };
  }

  /** So many at once: the time until all have answered. */
  async createAtOnce(count: number): Promise<number> {
    const start = performance.now();
    await Promise.all(Array.from({ length: count }, () => this.#create()));
    return performance.now() - start;
  }

  /** A database to stop, and then measure how long it takes to start. */
  async resumable(): Promise<() => Promise<number>> {
    const { database } = await this.#create();
    return async () => {
      await this.#engine.post(`/containers/${database.container}/stop?t=30`);
      const start = performance.now();
      await this.#engine.post(`/containers/${database.container}/start`);
      await this.#answers(database);
      return performance.now() - start;
    };
  }

  async #create(): Promise<{ database: Database; took: number; parts: Parts }> {
    const parts: Parts = {};
    const start = performance.now();
    const name = this.#name();
    const cloning = async () => {
      await this.#volume(name);
      await this.#clone(this.#template, name, parts);
    };
    const [{ network, host }] = await Promise.all([part(parts, 'network', () => this.#network(name)), cloning()]);
    const body = this.#body(['postgres', '-c', `hba_file=${VOLUME}/data/pg_hba.conf`], [volume(name, VOLUME)]);
    Object.assign(body.HostConfig, { NetworkMode: network });
    const { Id: container } = await part(parts, 'database made', () =>
      this.#engine.post<{ Id: string }>(`/containers/create?name=${name}`, {
        ...body,
        User: this.#pattern.Config.User,
        Env: this.#pattern.Config.Env,
        Healthcheck: this.#pattern.Config.Healthcheck,
        NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: host } } } },
      }),
    );
    const database = { container, network, volume: name, host };
    this.#databases.push(database);
    await part(parts, 'database started', () => this.#engine.post(`/containers/${container}/start`));
    await part(parts, 'answers', () => this.#answers(database));
    return { database, took: performance.now() - start, parts };
  }

  async #answers({ host }: Database): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    await selectOne({ host, port: 5432 }, () => performance.now() > deadline);
  }

  /** Removes every database that was made. */
  async removeAll(): Promise<void> {
    for (const { container, network, volume } of this.#databases.splice(0)) {
      await this.#engine.delete(`/containers/${container}?force=1&v=1`);
      await this.#engine.delete(`/networks/${network}`);
      await this.#engine.delete(`/volumes/${volume}`);
    }
  }

  async #volume(name: string): Promise<void> {
    await this.#engine.post('/volumes/create', { Name: name, Labels: this.#labels });
  }

  async #network(name: string): Promise<{ network: string; host: string }> {
    for (;;) {
      const range = this.#ranges++;
      if (range >= RANGES.count) throw new Error('no range of addresses is left');
      const [first, second, third] = RANGES.first.split('.').map(Number) as [number, number, number];
      const address = (host: number) => `${first}.${second}.${third + (range >> 4)}.${(range & 15) * 16 + host}`;
      try {
        await this.#engine.post('/networks/create', {
          Name: name,
          Driver: 'bridge',
          IPAM: { Config: [{ Subnet: `${address(0)}/28` }] },
          Labels: this.#labels,
        });
        return { network: name, host: address(2) };
      } catch (error) {
        if (!/overlap/.test((error as Error).message)) throw error;
      }
    }
  }

  async #clone(from: string, to: string, parts: Parts): Promise<void> {
    await this.#work(['clone', TEMPLATE, VOLUME], [volume(from, TEMPLATE), volume(to, VOLUME)], parts);
  }

  /** Runs a container to its end, and removes it. */
  async #work(words: string[], mounts: object[], parts: Parts): Promise<void> {
    const body = { ...this.#body(words, mounts), NetworkDisabled: true };
    Object.assign(body.HostConfig, { NetworkMode: 'none' });
    // What copies has no limits, as in the driver.
    for (const name of ['Memory', 'MemorySwap', 'NanoCpus', 'PidsLimit', 'ShmSize', 'Tmpfs']) delete body.HostConfig[name];
    const { Id } = await part(parts, 'copier made', () => this.#engine.post<{ Id: string }>('/containers/create', body));
    await part(parts, 'copier started', () => this.#engine.post(`/containers/${Id}/start`));
    const { StatusCode } = await part(parts, 'copied', () => this.#engine.post<{ StatusCode: number }>(`/containers/${Id}/wait`));
    await part(parts, 'copier removed', () => this.#engine.delete(`/containers/${Id}?force=1&v=1`));
    if (StatusCode !== 0) throw new Error(`${words.join(' ')}: exit code ${StatusCode}`);
  }

  #body(words: string[], mounts: object[]): { HostConfig: Record<string, unknown> } & Record<string, unknown> {
    const settings = Object.fromEntries(SETTINGS.map((name) => [name, this.#pattern.HostConfig[name]]));
    return { Image: this.#pattern.Image, Cmd: words, Labels: this.#labels, HostConfig: { ...settings, Mounts: mounts } };
  }

  #name(): string {
    return `supacloud-bench-${randomUUID().slice(0, 13)}`;
  }
}

function volume(name: string, target: string): object {
  return { Type: 'volume', Source: name, Target: target };
}

async function part<T>(parts: Parts, name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  parts[name] = (parts[name] ?? 0) + performance.now() - start;
  return result;
}
