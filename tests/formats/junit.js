'use strict';
// JUnit XML: a report against the published schemas, and against what the binary finds by its own JSON.

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');
const { isWithoutPlace } = require('./sites');

/** The schemas in use: that of the Ant tasks JUnit and JUnitReport, and that of Jenkins's plugin xUnit. */
const SCHEMAS = {
  'JUnit.xsd': '98ff075a14e7ffec5a45c756ccb5054b1c5dd820e7b3d076a78a9a04867254d2',
  'jenkins-junit.xsd': 'b74f22f7b3e328e08356c268e18fb979ae95e3bcc746f93ae399260310ad0d6f',
};

/** Functions that say what is wrong with a report by a schema, by the name of the schema. */
function validators(fetched) {
  return Object.entries(SCHEMAS).map(([name, wanted]) => {
    const file = path.join(fetched, name);
    const digest = crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex');
    if (digest !== wanted) throw new Error(`the schema ${name} is another: ${digest}`);
    return [name, (text) => {
      const done = spawnSync('xmllint', ['--nonet', '--noout', '--schema', file, '-'], { input: text, encoding: 'utf8' });
      if (done.error) throw done.error;
      return done.status === 0 ? [] : done.stderr.split('\n').filter((line) => line && !line.endsWith('fails to validate'));
    }];
  });
}

/** A function that reads a report. */
function reader(fetched) {
  const { DOMParser } = require(path.join(fetched, 'node_modules', '@xmldom', 'xmldom'));
  return (text) => {
    const parser = new DOMParser({ onError: (level, message) => { if (level !== 'warning') throw new Error(`${level}: ${message}`); } });
    const [suite] = parser.parseFromString(text, 'text/xml').getElementsByTagName('testsuite');
    const attribute = (element, name) => element.getAttribute(name);
    const cases = [...suite.getElementsByTagName('testcase')].map((one) => {
      const [failure] = one.getElementsByTagName('failure');
      const failed = failure && { type: attribute(failure, 'type'), message: attribute(failure, 'message'), text: failure.textContent };
      return { name: attribute(one, 'name'), class: attribute(one, 'classname'), failed };
    });
    const [said] = suite.getElementsByTagName('system-out');
    return { tests: Number(attribute(suite, 'tests')), failures: Number(attribute(suite, 'failures')), cases, said: said.textContent };
  };
}

/** Text as XML can hold it. */
function held(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufffe\uffff]/g, '\ufffd');
}

/** What is wrong with the counts of a report. */
function miscounted(report) {
  const failed = report.cases.filter((one) => one.failed).length;
  const same = report.tests === report.cases.length && report.failures === failed;
  return same ? [] : [`${report.tests} tests and ${report.failures} failures, of ${report.cases.length} cases and ${failed}`];
}

/** What is wrong with a report of findings. */
function compare(report, found, site) {
  const trouble = miscounted(report);
  const cases = report.cases.filter((one) => one.name !== 'check');
  if (cases.length !== found.length) return [...trouble, `${cases.length} cases, and ${found.length} findings`];
  found.forEach(({ code, severity, message, file, line, column }, number) => {
    const { name, class: place, failed } = cases[number];
    const first = held(message).split('\n')[0];
    const is = (what, right) => { if (!right) trouble.push(`${what} of ${JSON.stringify(cases[number])} is not that of ${message}`); };
    const placed = isWithoutPlace({ code, file }, site) ? '' : `${line}:${column}: `;
    is('the name', name.startsWith(`${placed}${code} `));
    is('the class', place === held(placed === '' ? site.entries.join(', ') : file));
    is('the result', (severity === 'error') === Boolean(failed));
    is('the message', failed ? failed.type === code && failed.message.endsWith(first) : name.endsWith(`: ${first}`));
    is('the text', (failed ? failed.text : report.said).includes(first));
  });
  const wrong = new Set(found.filter(({ severity }) => severity === 'error').map(({ file }) => file));
  const sound = report.cases.filter((one) => one.name === 'check').map((one) => one.class);
  for (const file of sound) if (wrong.has(file)) trouble.push(`${file} has errors and passes`);
  if (wrong.size === 0 && sound.length !== site.entries.length) trouble.push(`${sound.length} files pass`);
  return trouble;
}

/** What is wrong with a report of tests. */
function compareTests(report, tests) {
  const trouble = miscounted(report);
  if (report.cases.length !== tests.length) return [...trouble, `${report.cases.length} cases, and ${tests.length} tests`];
  tests.forEach(({ name, file, line, result, flow, expected, actual }, number) => {
    const one = report.cases[number];
    const right = one.class === held(name) && one.name === held(`${file}:${line}: ${flow} => ${expected}`)
      && (result === 'failed') === Boolean(one.failed) && (!one.failed || one.failed.text.endsWith(held(`it is ${actual}`)));
    if (!right) trouble.push(`${JSON.stringify(one)} is not ${JSON.stringify(tests[number])}`);
  });
  return trouble;
}

/** Changes that make a sound report with a failure a wrong one: each has to be refused by every schema. */
const BREAKS = {
  'a case without a name': (text) => text.replace(/(<testcase [^>]*) name="[^"]*"/, '$1'),
  'a suite without a number of tests': (text) => text.replace(/ tests="\d+"/, ''),
  'an element that does not exist': (text) => text.replaceAll('failure', 'failing'),
  'an attribute that does not exist': (text) => text.replace('<testcase ', '<testcase colour="red" '),
  'text between the cases': (text) => text.replace('<testcase ', 'and <testcase '),
  'a character that XML cannot hold': (text) => text.replace('<failure ', '\u001b<failure '),
  'an element that is not closed': (text) => text.replace('</failure>', ''),
  'a sign that begins an element': (text) => text.replace('</failure>', '<</failure>'),
};

module.exports = { BREAKS, compare, compareTests, reader, validators };
