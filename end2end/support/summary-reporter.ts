import type { FullResult, Reporter, Suite, TestCase } from '@playwright/test/reporter';

/** Ends the run with one plain line, `N passed, N failed, N skipped`, for scripts that count. */
export default class SummaryReporter implements Reporter {
  #tests: TestCase[] = [];

  onBegin(_config: unknown, suite: Suite): void {
    this.#tests = suite.allTests();
  }

  onEnd(_result: FullResult): void {
    const count = (...outcomes: string[]) => this.#tests.filter((test) => outcomes.includes(test.outcome())).length;
    console.log(`${count('expected')} passed, ${count('unexpected', 'flaky')} failed, ${count('skipped')} skipped`);
  }

  printsToStdio(): boolean {
    return true;
  }
}
