import { expect, test } from '../support/fixtures.ts';
import { ManagementApi } from '../support/api.ts';
import { Dashboard } from '../support/dashboard.ts';
import { processesIn, Server } from '../support/server.ts';

test('an open list shows what others do', async ({ dashboard, page, api, quiet }) => {
  void quiet;
  await dashboard.open('/');
  const project = await api.create({ name: 'Made elsewhere' });
  const row = page.getByRole('listitem').filter({ hasText: 'Made elsewhere' });
  await expect(row).toContainText('Running');
  await expect(row, 'measured without being asked').toContainText(/MiB.*MiB/);
  await api.change(project.ref, 'pause');
  await expect(row).toContainText('Paused');
  await api.delete(project.ref);
  await expect(page.getByTestId('no-projects')).toBeVisible();
});

test('memory and disk of a new project appear by themselves', async ({ dashboard, page, api, quiet }) => {
  void quiet;
  await dashboard.open('/');
  const ref = await dashboard.create('Measured');
  await dashboard.untilState('Running');
  const usage = page.getByRole('region', { name: 'Usage' });
  await expect(usage).toContainText(/Memory\s*[\d.]+ MiB/i);
  await expect(usage).toContainText(/Disk\s*[\d.]+ MiB/i);
  await dashboard.action('Pause').click();
  await dashboard.untilState('Paused');
  await expect(usage, 'what has stopped takes no memory').toContainText(/Memory\s*0 B/i);
  await api.delete(ref);
});

test('a database that is killed is brought back, and the page tells', async ({ dashboard, page, api, server, quiet }) => {
  void quiet;
  const project = await api.create({ name: 'Killed' });
  await dashboard.open(`/project/${project.ref}`);
  const folder = `${server.dataDir}/clusters/projects/${project.ref}/data`;
  const postmaster = processesIn(folder).find(({ what }) => what.includes(` -D ${folder}`));
  if (!postmaster) throw new Error('no postmaster');
  process.kill(postmaster.pid, 'SIGKILL');
  await expect(page.getByTestId('events')).toContainText('Ended or changed by itself');
  await expect(page.getByRole('region', { name: 'Recovery' }).locator('[data-step=publish][data-progress=done]')).toBeVisible();
  await expect(dashboard.state).toHaveText('Running');
  await expect(page.getByRole('region', { name: 'Health' }).getByRole('listitem').filter({ hasText: 'REST' })).toContainText('Healthy');
  await api.delete(project.ref);
});

test('a project that others delete is not shown any longer, and the page says why', async ({ dashboard, page, api }) => {
  const project = await api.create({ name: 'Deleted elsewhere' });
  await dashboard.open(`/project/${project.ref}`);
  await api.delete(project.ref);
  await expect(dashboard.heading.filter({ visible: true })).toHaveText('Project not found');
  await expect(page.getByText('This project was deleted')).toBeVisible();
  await page.getByRole('link', { name: 'Go to projects' }).click();
  await expect(page.getByTestId('no-projects')).toBeVisible();
});

test('a page finds back to a server that was away', async ({ page }, info) => {
  const name = `away-${info.parallelIndex}`;
  const first = await Server.start({ name });
  let second: Server | undefined;
  try {
    const { ref } = await new ManagementApi(first.url).create({ name: 'Before' });
    const dashboard = new Dashboard(page, first.url);
    await dashboard.open(`/project/${ref}`);
    await first.kill();
    await expect(page.getByText('Connection lost, trying again')).toBeVisible();
    second = await Server.start({ name, dataDir: first.dataDir, port: first.port });
    await new ManagementApi(second.url).fetch(`/v1/projects/${ref}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Afterwards' }),
    });
    await expect(dashboard.heading).toHaveText('Afterwards');
    await expect(page.getByText('Connection lost, trying again')).toHaveCount(0);
  } finally {
    // The first one is gone; what it started belongs to the second, or is ended here.
    await second?.stop();
    await first.stop().catch(() => undefined);
  }
});
