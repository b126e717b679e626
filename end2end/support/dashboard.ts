import { expect, type Locator, type Page } from '@playwright/test';

/** The dashboard as a person sees it: by roles and names, never by class or structure. Works with and without scripts. */
export class Dashboard {
  readonly page: Page;
  readonly url: string;
  readonly #scripted: boolean;

  constructor(page: Page, url: string, scripted = true) {
    this.page = page;
    this.url = url;
    this.#scripted = scripted;
  }

  /** Opens a page, and waits until its handlers are in place. */
  async open(path = '/'): Promise<void> {
    await this.page.goto(`${this.url}${path}`);
    await this.ready();
  }

  async ready(): Promise<void> {
    if (this.#scripted) await expect(this.page.locator('html')).toHaveAttribute('data-hydrated', 'true');
  }

  get heading(): Locator {
    return this.page.getByRole('heading', { level: 1 });
  }

  /** The invitation to make a project; on the empty list there may be two. */
  get newProject(): Locator {
    return this.page.getByRole('main').getByRole('link', { name: 'New project' }).first();
  }

  /** Where a new project is described: a dialog with scripts, a page without. */
  get form(): Locator {
    return this.#scripted ? this.page.getByRole('dialog', { name: 'New project' }) : this.page.getByRole('main');
  }

  /** From the list, by the mouse, to the page of the new project. */
  async create(name: string, password?: string): Promise<string> {
    await this.newProject.click();
    await this.form.getByLabel('Name', { exact: true }).fill(name);
    if (password) await this.form.getByLabel('Database password', { exact: true }).fill(password);
    await this.form.getByRole('button', { name: 'Create project' }).click();
    await this.page.waitForURL(/\/project\/[a-z]{20}$/);
    return this.ref;
  }

  /** The project whose page is shown. */
  get ref(): string {
    const ref = /\/project\/([a-z]{20})/.exec(this.page.url())?.[1];
    if (!ref) throw new Error(`${this.page.url()} is no project's page`);
    return ref;
  }

  get state(): Locator {
    return this.page.getByRole('main').locator('[data-state]').first();
  }

  /** Waits for a state: it comes by itself with scripts, by loading the page again without. */
  async untilState(word: string): Promise<void> {
    if (this.#scripted) await expect(this.state).toHaveText(word);
    else {
      await expect(async () => {
        await this.page.goto(this.page.url());
        await expect(this.state).toHaveText(word, { timeout: 250 });
      }).toPass({ timeout: 30_000 });
    }
  }

  /** One line per step of the last operation. */
  get steps(): Locator {
    return this.page.getByTestId('steps').getByRole('listitem');
  }

  /** Waits until the operation has come to its end, seen at its last step. */
  async untilOpen(operation: 'Creation' | 'Resume' | 'Restart'): Promise<void> {
    const open = this.page.getByRole('region', { name: operation }).locator('[data-step=publish][data-progress=done]');
    if (this.#scripted) await expect(open).toBeVisible();
    else {
      await expect(async () => {
        await this.page.goto(this.page.url());
        await expect(open).toBeVisible({ timeout: 250 });
      }).toPass({ timeout: 30_000 });
    }
  }

  /** What the project's page shows under a name, such as "API URL". */
  value(name: string): Locator {
    return this.page.getByRole('group', { name, exact: true }).getByTestId('value');
  }

  /** A button of the project's page that changes its state. */
  action(name: 'Pause' | 'Resume' | 'Restart' | 'Retry'): Locator {
    return this.page.getByRole('main').getByRole('button', { name, exact: true });
  }

  async rename(name: string): Promise<void> {
    await this.page.getByLabel('Name', { exact: true }).fill(name);
    await this.page.getByRole('button', { name: 'Rename', exact: true }).click();
    await expect(this.heading).toHaveText(name);
  }

  /** The link to deleting, and the form behind it. */
  get deleteProject(): Locator {
    return this.page.getByRole('main').getByRole('link', { name: 'Delete project' });
  }

  get confirmation(): Locator {
    return this.page.getByLabel(/^Type the name .* to confirm$/);
  }

  /** Deletes the project whose page is shown, and ends on the list. */
  async delete(name: string): Promise<void> {
    await this.deleteProject.click();
    await this.confirmation.fill(name);
    await this.page.getByRole('button', { name: 'Delete this project' }).click();
    await this.page.waitForURL(`${this.url}/`);
  }
}
