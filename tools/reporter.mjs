/** A jest reporter: names what was skipped, leaves the counts for the script that sums over packages. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export default class Reporter {
  onRunComplete(_contexts, results) {
    const tests = results.testResults.flatMap(file => file.testResults);
    const broken = results.testResults.filter(file => file.testExecError).map(file => file.testFilePath);
    const skipped = tests
      .filter(test => test.status === 'pending' || test.status === 'todo')
      .map(test => test.fullName);
    const failed = [...tests.filter(test => test.status === 'failed').map(test => test.fullName), ...broken];
    const summary = { passed: tests.filter(test => test.status === 'passed').length, failed, skipped };
    if (process.env.RADPASS_RESULTS) {
      mkdirSync(process.env.RADPASS_RESULTS, { recursive: true });
      writeFileSync(join(process.env.RADPASS_RESULTS, 'summary.json'), JSON.stringify(summary));
    }
  }
}
