import type { Server } from 'node:http';
import type { Page } from '@playwright/test';
import type { AuthError, Session, SupabaseClient } from '@supabase/supabase-js';
import { expect } from '@playwright/test';
import { serve, UserApp } from './app.ts';

/** `supabase.auth` in a page. */
export type Auth = SupabaseClient['auth'];

/** What is left of an error when it leaves the page. */
export interface Problem {
  name: string;
  message: string;
  code: AuthError['code'];
  status: number | undefined;
}

/** The pages below one of these paths make their client for this flow. */
export type FlowType = 'implicit' | 'pkce';

interface Answer {
  data?: unknown;
  error: (Error & Partial<Pick<AuthError, 'code' | 'status'>>) | null;
}

type DataOf<R> = R extends { data: infer D } ? D : undefined;

/** The data of an answer that is none of an error. */
type GoodDataOf<R> = R extends { error: null } ? DataOf<R> : never;

/** What is called: it runs in the page, so it knows nothing but its arguments. */
type Method<R, A> = (auth: Auth, argument: A) => Promise<R>;

/** What the pages' script leaves in the window. */
interface AppWindow {
  client: SupabaseClient;
  events: string[];
}

/** Somebody's application whose users sign in: every page of it makes a client as supabase-js's guides have it. */
export class SignInApp extends UserApp {
  /** Where users come back to by default; at `localhost`, where browsers allow passkeys. */
  readonly origin: string;

  private constructor(server: Server, port: number) {
    super(server, `http://localhost:${port}/`);
    this.origin = `http://localhost:${port}`;
  }

  static async of(apiUrl: string, key: string): Promise<SignInApp> {
    const script = `
      const flowType = location.pathname.startsWith('/implicit') ? 'implicit' : 'pkce';
      window.client = supabase.createClient('${apiUrl}', '${key}', { auth: { flowType } });
      window.events = [];
      window.client.auth.onAuthStateChange((event) => window.events.push(event));
    `;
    const { server, port } = await serve(script);
    return new SignInApp(server, port);
  }

  /** The address of a page whose client is for this flow. */
  at(flow: FlowType, page = ''): string {
    return `${this.origin}/${flow}/${page}`;
  }

  /** Waits until the browser has come back to a page of this flow. */
  async back(page: Page, flow: FlowType): Promise<void> {
    await page.waitForURL((url) => url.href.startsWith(this.at(flow)));
  }

  /** What a method of the page's client answers. */
  async ask<R extends Answer, A = undefined>(
    page: Page,
    method: Method<R, A>,
    argument?: A,
  ): Promise<{ data: DataOf<R>; error: Problem | null }> {
    const auth = await page.evaluateHandle(() => (window as unknown as AppWindow).client.auth);
    const answer = await auth.evaluateHandle(method as Method<Answer, unknown>, argument as unknown);
    return answer.evaluate(({ data, error }) => ({
      data: data as DataOf<R>,
      error: error ? { name: error.name, message: error.message, code: error.code, status: error.status } : null,
    }));
  }

  /** The data of an answer that must be none of an error. */
  async done<R extends Answer, A = undefined>(page: Page, method: Method<R, A>, argument?: A): Promise<GoodDataOf<R>> {
    const { data, error } = await this.ask(page, method, argument);
    expect(error).toBeNull();
    return data as GoodDataOf<R>;
  }

  /** Calls a method that leaves the page, and doesn't wait for its end. */
  async leave<A>(page: Page, method: Method<unknown, A>, argument: A): Promise<void> {
    const auth = await page.evaluateHandle(() => (window as unknown as AppWindow).client.auth);
    const left = page.waitForEvent('framenavigated');
    await auth.evaluate(
      (auth, [source, argument]) => void (new Function(`return ${source}`)() as Method<unknown, unknown>)(auth, argument),
      [method.toString(), argument] as const,
    );
    await left;
  }

  /** The session that the page's client has, once it has looked at its address. */
  async session(page: Page): Promise<Session | null> {
    return (await this.done(page, (auth) => auth.getSession())).session;
  }

  /** The session of somebody who must be signed in. */
  async signedIn(page: Page): Promise<Session> {
    const session = await this.session(page);
    expect(session, `a session at ${page.url()}`).not.toBeNull();
    return session!;
  }

  /** What the page's client has told of itself since the page was opened. */
  async untilTold(page: Page, event: string): Promise<void> {
    await expect.poll(() => page.evaluate(() => (window as unknown as AppWindow).events)).toContain(event);
  }
}

/** The claims of an access token, unverified: the server has made it. */
export function claims(session: Session): { aal: string; amr: { method: string }[]; [claim: string]: unknown } {
  return JSON.parse(Buffer.from(session.access_token.split('.')[1]!, 'base64url').toString());
}
