import { chromium } from '@playwright/test';
import { Server } from './support/server.ts';
import { ManagementApi } from './support/api.ts';
import { existsSync } from 'node:fs';
const exe = [process.env.SUPACLOUD_CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find((p) => p && existsSync(p));
const server = await Server.start({ name: 'shots', env: { SUPACLOUD_SERVER__SITE_ROOT: '/work/wt-settings/target/site' } });
const api = new ManagementApi(server.url);
const ref = (await api.create({ name: 'Guestbook' })).ref;
await api.fetch(`/v1/projects/${ref}/config/auth`, { method: 'PATCH', headers: {'content-type':'application/json'}, body: JSON.stringify({ external_github_enabled: true, external_github_client_id: 'x', external_google_enabled: true, external_google_client_id: 'g', external_google_secret: 's', uri_allow_list: 'https://*.example.com/**,app://back', sms_provider: 'twilio', hook_custom_access_token_enabled: true, hook_custom_access_token_uri: 'https://a.example.com/hook' }) });
const browser = await chromium.launch({ executablePath: exe, args: ['--no-sandbox', '--disable-gpu'] });
const out = process.argv[2]!;
const views = { light: ['light', 1280], dark: ['dark', 1280], phone: ['light', 390] } as const;
const pages = (process.argv[3] ?? 'sign-in,providers,urls,sessions,messages,messages?mail=confirmation,hooks,limits,advanced').split(',');
for (const [v, [colorScheme, width]] of Object.entries(views)) {
  const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
  for (const p of pages) {
    const r = await page.goto(`${server.url}/project/${ref}/auth/settings/${p}`);
    console.log(v, p, r?.status(), (await page.content()).length);
    await page.screenshot({ path: `${out}/${p.replace(/\W+/g, '-')}-${v}.png`, fullPage: true });
  }
  await page.close();
}
await browser.close();
await api.delete(ref);
await server.stop();
