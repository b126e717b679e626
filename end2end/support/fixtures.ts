import { test as base, expect } from '@playwright/test';
import { ManagementApi } from './api.ts';
import { UserApp } from './app.ts';
import { Dashboard } from './dashboard.ts';
import { Server } from './server.ts';

interface TestFixtures {
  dashboard: Dashboard;
  /** Fails the test if the page logs an error, or if a request of it fails. */
  quiet: { allow(pattern: RegExp): void };
}

interface WorkerFixtures {
  /** One real server per worker process. */
  server: Server;
  api: ManagementApi;
  app: UserApp;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  server: [
    async ({}, use, info) => {
      const server = await Server.start({ name: `worker-${info.parallelIndex}` });
      await use(server);
      await server.stop();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  api: [async ({ server }, use) => use(new ManagementApi(server.url)), { scope: 'worker' }],
  app: [
    async ({}, use) => {
      const app = await UserApp.start();
      await use(app);
      await app.stop();
    },
    { scope: 'worker' },
  ],
  dashboard: async ({ page, server }, use) => use(new Dashboard(page, server.url)),
  quiet: async ({ page }, use) => {
    const allowed: RegExp[] = [];
    const noises: string[] = [];
    const noise = (text: string) => {
      if (!allowed.some((pattern) => pattern.test(text))) noises.push(text);
    };
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) noise(`console ${message.type()}: ${message.text()} (${message.location().url})`);
    });
    page.on('pageerror', (error) => noise(`uncaught: ${error.message}`));
    page.on('requestfailed', (request) => {
      // A page that is left takes its event stream with it.
      if (request.failure()?.errorText !== 'net::ERR_ABORTED') noise(`failed: ${request.url()} ${request.failure()?.errorText}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 400) noise(`status ${response.status()}: ${response.url()}`);
    });
    await use({ allow: (pattern) => allowed.push(pattern) });
    expect(noises).toEqual([]);
  },
});

export { expect };
