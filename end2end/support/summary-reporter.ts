import type { FullResult, Reporter, Suite, TestCase } from '@playwright/test/reporter';

/** Ends the run with one plain line, `N passed, N failed, N skipped`, for scripts that count, after one that names what passed only at the second try. */
export default class SummaryReporter implements Reporter {
  #tests: TestCase[] = [];

  onBegin(_config: unknown, suite: Suite): void {
    this.#tests = suite.allTests();
  }

  onEnd(_result: FullResult): void {
    const count = (...outcomes: string[]) => this.#tests.filter((test) => outcomes.includes(test.outcome())).length;
    const unsteady = this.#tests.filter((test) => test.outcome() === 'flaky').map((test) => test.titlePath().slice(2).join(' › '));
    if (unsteady.length > 0) console.log(`UNSTEADY: ${unsteady.join('; ')} (passed at the second try)`);
    console.log(`${count('expected', 'flaky')} passed, ${count('unexpected')} failed, ${count('skipped')} skipped`);
  }

  printsToStdio(): boolean {
    return true;
  }
}
