import { expect, type Locator, type Page } from '@playwright/test';

/** Presses Tab until the element has the focus, and checks that one can see it there. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 80; presses++) {
    if ((await target.count()) > 0 && (await target.first().evaluate((element) => element === document.activeElement))) {
      await expectFocusVisible(page);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab never reached ${target}`);
}

/** The focused element differs from its unfocused self in outline, shadow or border. */
async function expectFocusVisible(page: Page): Promise<void> {
  const visible = await page.evaluate(() => {
    const element = document.activeElement;
    if (!(element instanceof HTMLElement)) return false;
    // A link that stands for its whole row is framed by what covers the row.
    const look = () =>
      [undefined, '::after'].map((part) => {
        const style = getComputedStyle(element, part);
        return [style.outlineStyle === 'none' ? '' : `${style.outlineStyle} ${style.outlineWidth} ${style.outlineColor}`, style.boxShadow, style.borderColor].join('|');
      }).join('|');
    const transition = element.style.transition;
    element.style.transition = 'none';
    const focused = look();
    element.blur();
    const plain = look();
    element.focus({ focusVisible: true } as FocusOptions);
    element.style.transition = transition;
    return focused !== plain;
  });
  expect(visible, 'the focus can be seen').toBe(true);
}
