import type { Page } from '@playwright/test';
import { Dashboard } from '../support/dashboard.ts';
import { expect, test } from '../support/fixtures.ts';
import { client, good } from '../support/users.ts';

const keyLines = (page: Page) => page.getByRole('list', { name: 'Signing keys' }).getByRole('listitem');
const headerOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as Record<string, unknown>;

for (const scripted of [true, false]) {
  test.describe(scripted ? 'with scripts' : 'without scripts', () => {
    test.use({ javaScriptEnabled: scripted });

    test('a key is added, taken into use and revoked, and nobody is signed out before that', async ({ page, server, api }) => {
      const dashboard = new Dashboard(page, server.url, scripted);
      const { ref } = await api.create({ name: `Keys ${scripted}` });
      const url = server.projectUrl(ref);
      const { anon, serviceRole, publishable } = await api.keys(ref);
      good(await client(url, serviceRole).auth.admin.createUser({ email: 'ann@example.com', password: 'correct horse', email_confirm: true }));
      const signIn = async () => good(await client(url, publishable).auth.signInWithPassword({ email: 'ann@example.com', password: 'correct horse' }));
      const before = await signIn();
      expect(headerOf(before.session!.access_token)).toMatchObject({ alg: 'HS256' });

      await dashboard.open(`/project/${ref}/auth/keys`);
      await expect(keyLines(page)).toHaveCount(1);
      await expect(keyLines(page)).toContainText('In use');
      await page.getByLabel('Key of your own (optional)').fill('{"kty": "EC"}');
      await page.getByRole('button', { name: 'Add a standby key' }).click();
      await expect(page.getByRole('alert').filter({ hasText: /\S/ })).not.toHaveCount(0);
      await expect(keyLines(page)).toHaveCount(1);
      await dashboard.open(`/project/${ref}/auth/keys`);
      await page.getByLabel('Algorithm').selectOption('ES256');
      await page.getByRole('button', { name: 'Add a standby key' }).click();
      await expect(page.locator('#done')).toContainText('The key stands by.');
      const added = keyLines(page).filter({ hasText: 'ES256' });
      await expect(added).toContainText('Standby');

      await added.getByRole('button', { name: 'Take into use: ES256' }).click();
      await expect(added).toContainText('In use');
      await expect(keyLines(page).filter({ hasText: 'JWT secret' })).toContainText('Previously used');
      const after = await signIn();
      expect(headerOf(after.session!.access_token)).toMatchObject({ alg: 'ES256' });
      for (const token of [before.session!.access_token, after.session!.access_token]) {
        expect(good(await client(url, anon).auth.getUser(token)).user.email).toBe('ann@example.com');
      }
      const verified = good(await client(url, publishable).auth.getClaims(after.session!.access_token));
      expect(verified!.claims.email).toBe('ann@example.com');

      await page.getByRole('button', { name: 'Disable anon and service_role' }).click();
      await expect(page.locator('#done')).toContainText('refused from now on');
      const secret = keyLines(page).filter({ hasText: 'JWT secret' });
      await secret.getByText('Revoke', { exact: true }).first().click();
      await secret.getByRole('button', { name: /^Revoke: / }).click();
      await expect(secret).toContainText('Revoked');
      expect((await client(url, publishable).auth.getUser(before.session!.access_token)).error?.status).toBe(403);
      expect(good(await client(url, publishable).auth.getUser(after.session!.access_token)).user.email).toBe('ann@example.com');
      await api.delete(ref);
    });
  });
}
