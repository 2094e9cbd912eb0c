'use strict';
// The engine of VS Code: a text to what its grammar says of each character.

const fs = require('fs');

/** The scopes of each character of a text, the outermost left out; `modules` is where npm has put the engine. */
async function engine(modules, grammarFile) {
  const oniguruma = require(`${modules}/vscode-oniguruma`);
  const textmate = require(`${modules}/vscode-textmate`);
  await oniguruma.loadWASM(fs.readFileSync(`${modules}/vscode-oniguruma/release/onig.wasm`));
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => textmate.parseRawGrammar(fs.readFileSync(grammarFile, 'utf8'), grammarFile),
  });
  const grammar = await registry.loadGrammar('source.pentane');
  return (text) => {
    const names = [];
    let state = textmate.INITIAL;
    for (const line of text.split('\n')) {
      const read = grammar.tokenizeLine(line, state);
      if (read.stoppedEarly) throw new Error(`the grammar takes too long for: ${line}`);
      state = read.ruleStack;
      for (const token of read.tokens) {
        const scopes = token.scopes.slice(1);
        for (let at = token.startIndex; at < Math.min(token.endIndex, line.length); at += 1) names.push(scopes);
      }
      names.push([]);
    }
    names.pop();
    return names;
  };
}

/** What each class is in the grammar: a scope, or the beginning of one. */
const SHOWN = {
  address: 'constant.numeric.address',
  case: 'keyword.other.case',
  claim: 'keyword.control.claim',
  clause: 'keyword.other.clause',
  code: 'constant.other.code',
  comment: 'comment.line',
  date: 'constant.numeric.date',
  day: 'constant.language.day',
  declaration: 'keyword.declaration',
  escape: 'constant.character.escape',
  ethertype: 'constant.language.ethertype',
  field: 'variable.language.field',
  invalid: 'invalid.illegal',
  kind: 'storage.type.kind',
  label: 'entity.name.function.rule',
  length: 'constant.numeric.prefix-length',
  mac: 'constant.numeric.mac',
  member: 'keyword.other.member',
  name: 'entity.name',
  number: 'constant.numeric',
  operator: 'keyword.operator.word',
  place: 'variable.other.switch',
  port: 'constant.numeric.port',
  protocol: 'support.type.protocol',
  rate: 'constant.numeric.rate',
  reference: 'variable.other',
  relation: 'support.function.relation',
  service: 'support.constant.service',
  set: 'constant.language.set',
  setting: 'support.constant.setting',
  source: 'support.function.set',
  statement: 'keyword.declaration',
  string: 'string.quoted.double',
  suppression: 'keyword.other.suppression',
  symbol: ['punctuation', 'keyword.operator'],
  target: 'constant.language.target',
  time: 'constant.numeric.time',
  unit: 'keyword.other.unit.rate',
  value: 'constant.language.value',
  verdict: 'keyword.control.verdict',
};

/** True if a character with these scopes is shown as one of the class. */
function shows(scopes, kind) {
  if (!(kind in SHOWN)) throw new Error(`no scope is known for the class \`${kind}\`: add it to tests/editors/textmate.js`);
  const inner = kind === 'string' || kind === 'comment' ? scopes.find((scope) => scope.startsWith(SHOWN[kind])) : scopes.at(-1);
  return [SHOWN[kind]].flat().some((prefix) => inner !== undefined && (inner === prefix || inner.startsWith(`${prefix}.`)));
}

const isInvalid = (scopes) => scopes.some((scope) => scope.startsWith('invalid.'));

module.exports = { engine, shows, isInvalid };
