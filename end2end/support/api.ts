/** The Management API, as much of it as the tests need. */
export interface Project {
  id: string;
  ref: string;
  project_id: string;
  api_url: string;
  name: string;
  status: string;
  state: string;
  organization_slug: string;
}

export interface ApiKey {
  name: string;
  type: 'legacy' | 'publishable' | 'secret';
  api_key: string;
}

/** Longest time that anything is waited for. */
const PATIENCE_MS = 45_000;

export class ManagementApi {
  readonly url: string;
  readonly #headers: Record<string, string>;

  constructor(url: string, token?: string) {
    this.url = url;
    this.#headers = token ? { authorization: `Bearer ${token}` } : {};
  }

  /** One request; the answer as it is. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { ...init, headers: { ...this.#headers, ...init.headers } });
  }

  /** Makes a project and waits until it is live. */
  async create(body: { name?: string; db_pass?: string } = {}, withinMs = PATIENCE_MS): Promise<Project> {
    const response = await this.fetch('/v1/projects', {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=30' },
      body: JSON.stringify(body),
    });
    const project = await expectJson<Project>(response, 201);
    return project.status === 'ACTIVE_HEALTHY' ? project : this.until(project.ref, 'ACTIVE_HEALTHY', withinMs);
  }

  async list(): Promise<Project[]> {
    return expectJson(await this.fetch('/v1/projects'), 200);
  }

  async get(ref: string): Promise<Project> {
    return expectJson(await this.fetch(`/v1/projects/${ref}`), 200);
  }

  async keys(ref: string): Promise<{ anon: string; serviceRole: string; publishable: string; secret: string }> {
    const keys = await expectJson<ApiKey[]>(await this.fetch(`/v1/projects/${ref}/api-keys?reveal=true`), 200);
    const pick = (type: ApiKey['type'], name?: string) => {
      const key = keys.find((key) => key.type === type && (!name || key.name === name));
      if (!key) throw new Error(`no ${type} key among ${keys.map((key) => `${key.type} ${key.name}`).join(', ')}`);
      return key.api_key;
    };
    return {
      anon: pick('legacy', 'anon'),
      serviceRole: pick('legacy', 'service_role'),
      publishable: pick('publishable'),
      secret: pick('secret'),
    };
  }

  /** Changes settings of a project's Auth; they are in force when this is done. */
  async configureAuth(ref: string, settings: Record<string, unknown>): Promise<void> {
    const response = await this.fetch(`/v1/projects/${ref}/config/auth`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(settings),
    });
    await expectJson(response, 200);
  }

  /** Pauses, restores or restarts; the answer is empty, and comes before the work is done. */
  async change(ref: string, verb: 'pause' | 'restore' | 'restart'): Promise<void> {
    const response = await this.fetch(`/v1/projects/${ref}/${verb}`, { method: 'POST' });
    if (response.status !== 200) throw new Error(`${verb}: ${response.status} ${await response.text()}`);
  }

  async delete(ref: string): Promise<void> {
    const response = await this.fetch(`/v1/projects/${ref}`, { method: 'DELETE' });
    if (response.status !== 200) throw new Error(`delete: ${response.status} ${await response.text()}`);
    await this.#follow(ref, async () => (await this.fetch(`/v1/projects/${ref}`)).status === 404);
  }

  /** Waits for a status, woken by the project's events. */
  async until(ref: string, status: string, withinMs = PATIENCE_MS): Promise<Project> {
    let project = await this.get(ref);
    await this.#follow(ref, async () => {
      project = await this.get(ref);
      return project.status === status;
    }, withinMs);
    return project;
  }

  /** Asks again after each event of the project, until the answer is yes. The stream's end asks a last time. */
  async #follow(ref: string, done: () => Promise<boolean>, withinMs = PATIENCE_MS): Promise<void> {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(new Error(`project ${ref}: nothing more happened`)), withinMs);
    try {
      const events = await this.fetch(`/v1/projects/${ref}/events`, { signal: stop.signal });
      if (await done()) return;
      const reader = events.body?.getReader();
      while (reader && !(await reader.read()).done) {
        if (await done()) return;
      }
      if (!(await done())) throw new Error(`project ${ref}: the event stream ended early`);
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }
}

/** The body of an answer that must have this status. */
export async function expectJson<T>(response: Response, status: number): Promise<T> {
  const text = await response.text();
  if (response.status !== status) throw new Error(`${response.url}: ${response.status} instead of ${status}: ${text}`);
  return JSON.parse(text) as T;
}
