import { expect } from '@playwright/test';
import { test } from '../support/fixtures.ts';
import { tabTo } from '../support/keyboard.ts';

test('a project is made and deleted with the keyboard alone', async ({ dashboard, page, api }) => {
  await dashboard.open('/');

  // Skip link first.
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeInViewport();

  // Escape closes the dialog, and the focus goes back to what opened it.
  await tabTo(page, dashboard.newProject);
  await page.keyboard.press('Enter');
  await expect(dashboard.form).toBeVisible();
  await expect(dashboard.form.getByLabel('Name', { exact: true })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(dashboard.form).toBeHidden();
  await expect(dashboard.newProject).toBeFocused();

  // The focus stays in the dialog while it is open.
  await page.keyboard.press('Enter');
  await expect(dashboard.form).toBeVisible();
  for (let presses = 0; presses < 15; presses++) {
    await page.keyboard.press('Tab');
    const outside = await page.evaluate(() => {
      const active = document.activeElement;
      return active !== null && active !== document.body && !active.closest('dialog, [role=dialog]');
    });
    expect(outside, 'the focus left the open dialog').toBe(false);
  }

  await tabTo(page, dashboard.form.getByLabel('Name', { exact: true }));
  await page.keyboard.type('By keyboard');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/project\/[a-z]{20}$/);
  await dashboard.untilState('Running');
  const ref = dashboard.ref;

  await tabTo(page, dashboard.deleteProject);
  await page.keyboard.press('Enter');
  await tabTo(page, dashboard.confirmation);
  await page.keyboard.type('Not its name');
  await page.keyboard.press('Enter');
  // Until the refusal is there, Enter would send nothing.
  await expect(page.locator('#confirmation-error')).not.toBeEmpty();
  await expect(dashboard.confirmation).toBeVisible();
  expect((await api.get(ref)).status).toBe('ACTIVE_HEALTHY');
  await tabTo(page, dashboard.confirmation);
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('By keyboard');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${dashboard.url}/`);
  await expect.poll(async () => (await api.fetch(`/v1/projects/${ref}`)).status).toBe(404);
});
