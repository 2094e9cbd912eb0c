'use strict';
// The JSON that docs/cli.md shows, as shapes: which fields an object has, and of what sort they are.

const fs = require('fs');

/** Fields that are `null` in the example, or have members of which the text around it tells: their shapes by example. */
const TOLD = {
  'pentane.check/1': {
    related: [{ file: '', line: 1, column: 1, message: '' }],
    witness: { flow: '', decided_by: '' },
    refused_by_run: [{ code: '', severity: '', message: '', help: null, file: '', line: 1, column: 1, related: [], witness: null }],
    assertions: [{ name: '', file: '', line: 1, result: '', world: '', vacuous: false, counterexample: null }],
  },
  'pentane.test/1': {},
};

/** Values of fields with a closed list. */
const CLOSED = { severity: ['error', 'warning', 'info'], result: ['proved', 'refuted', 'undecided', 'passed', 'failed'], world: ['any-view'] };

/** What is documented, by the name of the schema. */
function documented(page) {
  const blocks = [...fs.readFileSync(page, 'utf8').matchAll(/^```json\n([^]*?)^```$/gm)].map((block) => JSON.parse(block[1]));
  return new Map(Object.keys(TOLD).map((name) => {
    const example = blocks.find((block) => block.schema === name);
    if (!example) throw new Error(`${page} shows no object of ${name}`);
    return [name, filled(example, TOLD[name])];
  }));
}

/** The example with what the text tells put in, wherever a field of that name stands. */
function filled(value, told) {
  if (Array.isArray(value)) return value.map((one) => filled(one, told));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, told[key] ?? filled(inner, told)]));
}

/** What differs between a value and an example. */
function differences(value, example, place, field) {
  if (value === null) return example === null || ['witness', 'counterexample', 'refused_by_run', 'help'].includes(field) ? [] : [`${place} is null`];
  if (field in CLOSED && !CLOSED[field].includes(value)) return [`${place} is ${value}`];
  if (Array.isArray(example)) {
    if (!Array.isArray(value)) return [`${place} is no list`];
    return value.flatMap((one, number) => differences(one, example[0], `${place}[${number}]`));
  }
  if (example === null) return typeof value === 'string' ? [] : [`${place} is no text`];
  if (typeof value !== typeof example) return [`${place} is a ${typeof value}`];
  if (typeof value !== 'object') return [];
  const [has, wanted] = [Object.keys(value).sort().join(), Object.keys(example).sort().join()];
  if (has !== wanted) return [`${place} has ${has}, and ${wanted} is documented`];
  return Object.keys(value).flatMap((key) => differences(value[key], example[key], `${place}.${key}`, key));
}

module.exports = { differences, documented };
