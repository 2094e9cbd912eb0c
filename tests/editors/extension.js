'use strict';
// The extension for VS Code: what it consists of, and what it does with binaries of all sorts. Its language client is the real
// one; VS Code itself is not there, and is made up as far as the two look at it.

const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const Module = require('module');
const { spawnSync } = require('child_process');
const { findings } = require('./findings');
const { words } = require('./tables');

/** A language server that answers what it must, and writes down how it was called and what it was told. */
const SERVER = `#!${process.execPath}
const fs = require('fs');
const words = process.argv.slice(2);
const note = (text) => fs.appendFileSync(__filename + '.log', text + '\\n');
if (words[0] === '--version') { console.log('pentane 9.9.9'); process.exit(0); }
if (words.join(' ') === 'lsp --help') process.exit(0);
note('called ' + JSON.stringify(words) + ' in ' + fs.realpathSync(process.cwd()));
let kept = Buffer.alloc(0);
const answer = (id, result) => {
  const text = JSON.stringify({ jsonrpc: '2.0', id, result });
  process.stdout.write('Content-Length: ' + Buffer.byteLength(text) + '\\r\\n\\r\\n' + text);
};
process.stdin.on('data', (chunk) => {
  kept = Buffer.concat([kept, chunk]);
  for (;;) {
    const head = kept.indexOf('\\r\\n\\r\\n');
    if (head < 0) return;
    const length = Number(/Content-Length: (\\d+)/i.exec(kept.subarray(0, head))[1]);
    if (kept.length < head + 4 + length) return;
    const message = JSON.parse(kept.subarray(head + 4, head + 4 + length));
    kept = kept.subarray(head + 4 + length);
    note(message.method);
    if (message.method === 'initialize') answer(message.id, { capabilities: { textDocumentSync: 1 } });
    if (message.method === 'shutdown') answer(message.id, null);
    if (message.method === 'exit') process.exit(0);
  }
});
`;

/** An earlier Pentane, which knows no \`lsp\`. */
const OLD = `#!/bin/sh
if [ "$1" = --version ]; then echo "pentane 0.0.9"; exit 0; fi
echo "error: unrecognized subcommand 'lsp'" >&2
exit 2
`;

/** Policies that earn errors, and a warning. */
const WRONG = 'allow from nobody;\nallow when vlan = 5000;\n';
const DOUBTFUL = 'host roo { mac 02:00:00:00:00:12; }\nallow from roo;\ndeny from roo;\n';

/** A Pentane whose server ends before it has said anything. */
const ENDS = `#!/bin/sh
[ "$1" = --version ] && echo pentane 9.9.9
exit 0
`;

/** What stands for all that nobody looks at: any member of it, call of it and instance of it is such a thing again. */
function anything() {
  return new Proxy(function nothing() {}, {
    get: (target, key) => {
      if (key === 'prototype') return target.prototype;
      // It is no promise, so that waiting for it ends.
      return key === 'then' || typeof key === 'symbol' ? undefined : anything();
    },
    apply: () => anything(),
    construct: (target, values, made) => Reflect.construct(Object, [], made),
  });
}

const over = (known) => new Proxy(known, { get: (target, key) => (key in target ? target[key] : anything()) });

/** VS Code, as far as it is looked at: a folder, settings, messages, commands. */
function fakeCode(folder, settings) {
  const kept = { errors: [], commands: [], changed: undefined, chosen: undefined };
  const code = over({
    version: '1.95.0',
    EventEmitter: class {
      event = () => ({ dispose() {} });

      fire() {}

      dispose() {}
    },
    Disposable: class {
      constructor(run = () => {}) {
        this.dispose = run;
      }

      static from(...all) {
        return new this(() => all.forEach((one) => one.dispose()));
      }
    },
    window: over({
      showErrorMessage: async (text, ...choices) => {
        kept.errors.push({ text, choices });
        return kept.chosen;
      },
    }),
    commands: over({
      registerCommand: (name, run) => {
        kept[name] = run;
        return { dispose() {} };
      },
      executeCommand: async (...words) => kept.commands.push(words),
    }),
    workspace: over({
      workspaceFolders: [{ uri: { scheme: 'file', fsPath: folder }, name: 'site', index: 0 }],
      getConfiguration: (section) => over({ get: (name, other) => settings[`${section}.${name}`] ?? other, has: () => true }),
      onDidChangeConfiguration: (listener) => {
        kept.changed ??= listener;
        return { dispose() {} };
      },
      textDocuments: [],
      notebookDocuments: [],
    }),
  });
  return { code, kept };
}

/** Loads the extension anew, with this for VS Code and with the libraries that its package names. */
function load({ editors, modules }, code) {
  const file = path.join(editors, 'vscode', 'extension.js');
  const library = Module.createRequire(path.join(modules, 'extension', 'extension.js'));
  const real = Module._load;
  const known = Object.keys(require.cache).filter((name) => name === file || name.startsWith(modules));
  known.forEach((name) => delete require.cache[name]);
  Module._load = function replaced(name, parent, isMain) {
    if (name === 'vscode') return code;
    if (name === 'vscode-languageclient/node') return real.call(this, library.resolve(name), parent, isMain);
    return real.call(this, name, parent, isMain);
  };
  try {
    return require(file);
  } finally {
    Module._load = real;
  }
}

/** Waits for what another process is about to do; not for ever, so that the check behind it fails if it does not. */
async function until(holds) {
  for (let left = 500; left > 0 && !holds(); left -= 1) await new Promise((done) => { setTimeout(done, 20); });
}

/** A folder of a workspace with programs in it, the extension in it, and what came of it. */
async function within(surroundings, settings, programs, body) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'pentane-extension-')));
  const search = process.env.PATH;
  const put = ([name, text, mode]) => fs.writeFileSync(path.join(folder, name), text, { mode: mode ?? 0o755 });
  programs.forEach(put);
  // What a server wrote down; a line is whole before the server goes on.
  const log = (name) => {
    const file = path.join(folder, `${name}.log`);
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  };
  const count = (name, word) => log(name).split('\n').filter((line) => line.startsWith(word)).length;
  const ended = (name) => until(() => count(name, 'called') === count(name, 'exit'));
  process.env.PATH = `${folder}:${search}`;
  const { code, kept } = fakeCode(folder, settings(folder));
  const extension = load(surroundings, code);
  try {
    await extension.activate({ subscriptions: [] });
    await body({ folder, kept, log, ended, extension });
  } finally {
    await extension.deactivate();
    for (const [name] of programs) await ended(name);
    process.env.PATH = search;
    fs.rmSync(folder, { recursive: true });
  }
}

/** The one message that was shown. */
function complaint(kept) {
  assert.strictEqual(kept.errors.length, 1, JSON.stringify(kept.errors));
  return kept.errors[0].text;
}

const json = (editors, name) => JSON.parse(fs.readFileSync(path.join(editors, 'vscode', name), 'utf8'));

/** Checks of what the extension consists of. */
function manifest({ editors, modules, binary }) {
  const folder = path.join(editors, 'vscode');
  const read = () => json(editors, 'package.json');
  return [
    ['VS Code: the script can be read', () => {
      for (const name of ['extension.js', 'grammar.js']) {
        const done = spawnSync(process.execPath, ['--check', path.join(folder, name)], { encoding: 'utf8' });
        assert.strictEqual(done.status, 0, done.stderr);
      }
    }],
    ['VS Code: the manifest names what is there', () => {
      const { main, contributes } = read();
      const [language, ...more] = contributes.languages;
      const [grammar, ...others] = contributes.grammars;
      assert.deepStrictEqual([more, others], [[], []]);
      [main, language.configuration, grammar.path].forEach((name) => assert.ok(fs.existsSync(path.join(folder, name)), name));
      assert.deepStrictEqual([language.id, language.extensions, grammar.language], ['pentane', ['.pol'], 'pentane']);
      assert.strictEqual(json(editors, grammar.path).scopeName, grammar.scopeName);
      const script = fs.readFileSync(path.join(folder, main), 'utf8');
      contributes.commands.forEach(({ command }) => assert.ok(script.includes(`'${command}'`), command));
      assert.strictEqual(contributes.configuration.properties['pentane.path'].default, 'pentane');
    }],
    ['VS Code: the grammar is what grammar.js writes', () => {
      const { grammar } = require(path.join(folder, 'grammar.js'));
      const written = json(editors, 'syntaxes/pentane.tmLanguage.json');
      assert.deepStrictEqual(written, JSON.parse(JSON.stringify(grammar)), 'run `node grammar.js`');
    }],
    ['VS Code: the client is pinned, and wants no newer VS Code than the extension', () => {
      const { dependencies, engines } = read();
      const version = dependencies['vscode-languageclient'];
      assert.match(version, /^\d+\.\d+\.\d+$/);
      const file = path.join(modules, 'extension', 'node_modules', 'vscode-languageclient', 'package.json');
      const client = JSON.parse(fs.readFileSync(file, 'utf8'));
      assert.deepStrictEqual([client.version, client.engines.vscode], [version, engines.vscode]);
    }],
    ['VS Code: words, brackets and indents are those of the language', () => {
      const { comments, brackets, wordPattern, indentationRules } = json(editors, 'language-configuration.json');
      assert.deepStrictEqual([comments.lineComment, brackets], ['#', [['{', '}'], ['(', ')']]]);
      const parts = (text) => text.match(new RegExp(wordPattern, 'g'));
      words().forEach(({ word }) => assert.deepStrictEqual(parts(word), [word]));
      assert.deepStrictEqual(parts('ssh.in_2: a - b-c->d; edge-1:5'), ['ssh.in_2', 'a', 'b-c', 'd', 'edge-1', '5']);
      const more = new RegExp(indentationRules.increaseIndentPattern);
      const less = new RegExp(indentationRules.decreaseIndentPattern);
      for (const line of ['test "a { b" {', 'section a { # why', 'host roo {']) assert.match(line, more);
      const ends = ['user bob; # {', 'host roo { mac 02:00:00:00:00:12; }', 'test "a {', 'group g = { a };'];
      for (const line of ends) assert.doesNotMatch(line, more);
      assert.match('    }', less);
    }],
    ['VS Code: tasks find what `check --format concise` says', () => {
      const site = fs.mkdtempSync(path.join(os.tmpdir(), 'pentane-matcher-'));
      try {
        const [{ pattern }] = read().contributes.problemMatchers;
        const parts = ['file', 'line', 'column', 'severity', 'code', 'message'];
        for (const [text, severity] of [[WRONG, 'error'], [DOUBTFUL, 'warning']]) {
          fs.writeFileSync(path.join(site, 'a b.pol'), text);
          const said = spawnSync(binary, ['check', '--format', 'concise', 'a b.pol'], { cwd: site, encoding: 'utf8' }).stdout;
          const found = said.split('\n').map((line) => new RegExp(pattern.regexp).exec(line)).filter(Boolean);
          const wanted = findings(binary, site, ['a b.pol']);
          assert.ok(wanted.some((one) => one.severity === severity), text);
          const got = found.map((one) => parts.map((name) => one[pattern[name]]));
          assert.deepStrictEqual(got, wanted.map((one) => parts.map((name) => `${one[name]}`)));
        }
      } finally {
        fs.rmSync(site, { recursive: true });
      }
    }],
  ];
}

/** Checks of what the extension does. */
function behaviour(surroundings) {
  const { binary, editors } = surroundings;
  const nothing = () => ({});
  const at = (value) => (folder) => ({ 'pentane.path': value.replace('FOLDER', folder) });
  return [
    ['VS Code: `pentane lsp` is started from the path, in the folder of the workspace, and ended', () => within(
      surroundings, nothing, [['pentane', SERVER]], async ({ folder, kept, log, ended, extension }) => {
        assert.deepStrictEqual(kept.errors, []);
        await extension.deactivate();
        await ended('pentane');
        const [called, ...told] = log('pentane').trim().split('\n');
        assert.strictEqual(called, `called ["lsp"] in ${folder}`);
        assert.deepStrictEqual([told[0], ...told.slice(-2)], ['initialize', 'shutdown', 'exit']);
      },
    )],
    ['VS Code: the setting pentane.path says which binary', () => within(
      surroundings, at('FOLDER/mine'), [['pentane', OLD], ['mine', SERVER]], async ({ kept, log }) => {
        assert.deepStrictEqual(kept.errors, []);
        assert.match(log('mine'), /^called \["lsp"\]/);
      },
    )],
    ['VS Code: a relative path counts from the workspace', () => within(
      surroundings, at('./mine'), [['mine', SERVER]], async ({ kept, log }) => {
        assert.deepStrictEqual(kept.errors, []);
        assert.match(log('mine'), /^called \["lsp"\]/);
      },
    )],
    ['VS Code: another path starts the other binary, and ends the first', () => {
      let settings;
      const begin = (folder) => (settings = at('FOLDER/one')(folder));
      return within(surroundings, begin, [['one', SERVER], ['two', SERVER]], async ({ folder, kept, log, ended }) => {
        await kept.changed({ affectsConfiguration: (name) => name === 'editor.tabSize' });
        assert.doesNotMatch(log('one'), /exit/);
        settings['pentane.path'] = `${folder}/two`;
        await kept.changed({ affectsConfiguration: (name) => name === 'pentane.path' });
        await ended('one');
        assert.match(log('one'), /shutdown\nexit\n$/);
        assert.match(log('two'), /^called \["lsp"\]/);
        await kept['pentane.restart']();
        assert.strictEqual(log('two').match(/^called/gm).length, 2);
      });
    }],
    ['VS Code: a missing binary is reported, with the way to the setting', () => within(
      surroundings, at('FOLDER/nowhere'), [], async ({ folder, kept }) => {
        assert.match(complaint(kept), /nowhere` was not found\. Install Pentane, or say in the setting pentane\.path/);
        const [choice] = kept.errors[0].choices;
        kept.chosen = choice;
        await kept['pentane.restart']();
        await new Promise((done) => { setImmediate(done); });
        assert.deepStrictEqual(kept.commands, [['workbench.action.openSettings', 'pentane.path']], folder);
      },
    )],
    ['VS Code: a file that is no program is reported', () => within(
      surroundings, at('FOLDER/text'), [['text', 'no program', 0o644]], async ({ kept }) => {
        assert.match(complaint(kept), /text` may not be run/);
      },
    )],
    ['VS Code: a program that is not Pentane is reported', () => within(
      surroundings, at('FOLDER/other'), [['other', '#!/bin/sh\necho other 1.0\n']], async ({ kept }) => {
        assert.match(complaint(kept), /other` is not Pentane/);
      },
    )],
    ['VS Code: a binary without a language server is reported with its version', () => within(
      surroundings, nothing, [['pentane', OLD]], async ({ kept }) => {
        assert.match(complaint(kept), /is pentane 0\.0\.9, which is too old: it has no language server \(error: unrecognized/);
      },
    )],
    ['VS Code: a server that ends at once is reported', () => within(
      surroundings, at('FOLDER/ends'), [['ends', ENDS]], async ({ kept }) => {
        assert.ok(kept.errors.some(({ text }) => /ends lsp` does not start/.test(text)), JSON.stringify(kept.errors));
      },
    )],
    // Once the command is documented, the binary that is tested has it.
    ['VS Code: this binary is started, if it documents `lsp`, or else reported', () => within(
      surroundings, () => ({ 'pentane.path': binary }), [], async ({ kept }) => {
        const documented = /^## pentane lsp$/m.test(fs.readFileSync(path.join(editors, '../../docs/cli.md'), 'utf8'));
        if (documented) assert.deepStrictEqual(kept.errors, []);
        else assert.match(complaint(kept), /is pentane \S+, which is too old/);
      },
    )],
  ];
}

const checks = (surroundings) => [...manifest(surroundings), ...behaviour(surroundings)];

module.exports = { checks };
