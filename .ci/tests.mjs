// What a report of the tests says: `PASSED FAILED` in the first line, then each failure in a few lines.
// A file that failed outside its tests (import, hook) counts as one failure.
import { readFileSync } from 'node:fs';

const SHOWN_LINES = 12;

const { testResults, numPassedTests } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const failuresOf = ({ name, status, message, assertionResults }) => {
  const failed = assertionResults.filter((test) => test.status === 'failed');
  if (failed.length > 0)
    return failed.map((test) => ({
      name: `${name} > ${test.fullName}`,
      text: test.failureMessages.join('\n'),
    }));
  return status === 'failed' ? [{ name, text: message }] : [];
};

const failures = testResults.flatMap(failuresOf);
console.log(numPassedTests, failures.length);
for (const { name, text } of failures)
  console.log([name, ...text.split('\n').slice(0, SHOWN_LINES)].join('\n    '));
