import { test } from '../support/fixtures.ts';
import { Dashboard } from '../support/dashboard.ts';
import { wholeLife } from '../support/journey.ts';

test.use({ javaScriptEnabled: false });

test('a project’s whole life, without scripts', async ({ page, server, api, app }) => {
  await wholeLife({ dashboard: new Dashboard(page, server.url, false), server, api, app, scripted: false });
});
