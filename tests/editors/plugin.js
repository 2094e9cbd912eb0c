'use strict';
// What Vim does with policies beside colours: findings, layout, names of files.

const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { spawnSync } = require('child_process');
const { findings } = require('./findings');
const vim = require('./vim');

const SITE = 'include "a part.pol";\ninclude "more.pol";\nhost roo { mac 02:00:00:00:00:12; }\nallow from roo;\n';
const WARNED = `${SITE}deny from roo;\n`;
const PART = 'user bob;\nallow from nobody.known for http;\n  deny from { bob;\n';

/** Names of severities, by what Vim keeps of them. */
const SEVERITIES = { e: 'error', w: 'warning', i: 'info' };

/** What the binary finds, as the list of Vim is to have it. */
function wanted(binary, folder, files) {
  const listed = ({ code, message, ...rest }) => ({ ...rest, text: `[${code}]: ${message}` });
  return findings(binary, folder, files).map(listed);
}

/** The list of Vim in the same form. */
function got(list) {
  return list.map(({ file, line, column, type, text, valid }) => {
    assert.strictEqual(valid, 1, text);
    return { file, line, column, severity: SEVERITIES[type], text };
  });
}

/** A text as the binary lays it out. */
function fmt(binary, lines) {
  const done = spawnSync(binary, ['fmt', '-'], { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
  assert.strictEqual(done.status, 0, done.stderr);
  return done.stdout.trimEnd().split('\n');
}

/** What the script says. */
function ask({ binary, editors }, part, site) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pentane-plugin-'));
  const write = (name, text) => fs.writeFileSync(path.join(folder, name), text);
  try {
    ['alone', 'lost'].forEach((name) => fs.mkdirSync(path.join(folder, name)));
    write('pentane.toml', 'policy = "site.pol"\n');
    write('site.pol', site);
    write('a part.pol', part);
    write('more.pol', 'user bill;\n');
    write('alone/lone.pol', 'allow from nobody;\n');
    write('lost/x.pol', 'default deny;\n');
    write('lost/pentane.toml', 'policy = "not-there.pol"\n');
    vim.run(path.join(__dirname, 'plugin.vim'), folder, { PENTANE_VIM: path.join(editors, 'vim'), PENTANE_BINARY: binary });
    const said = JSON.parse(fs.readFileSync(path.join(folder, 'said.json'), 'utf8'));
    return { said, policy: wanted(binary, folder, []), alone: wanted(binary, path.join(folder, 'alone'), ['lone.pol']) };
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

function checks(surroundings) {
  const { binary } = surroundings;
  let kept;
  const broken = () => (kept ??= ask(surroundings, PART, SITE));
  return [
    ['Vim: :make lists the errors of the policy, each at its place', () => {
      const { said, policy } = broken();
      assert.ok(policy.length >= 2 && policy.some((one) => one.file === 'a part.pol'), JSON.stringify(policy));
      assert.deepStrictEqual(got(said.policy), policy);
    }],
    ['Vim: :make lists warnings', () => {
      const { said, policy } = ask(surroundings, 'user bob;\n', WARNED);
      assert.ok(policy.some((one) => one.severity === 'warning'), JSON.stringify(policy));
      assert.deepStrictEqual(got(said.policy), policy);
    }],
    ['Vim: :make checks the file alone where no policy is named', () => {
      const { said, alone } = broken();
      assert.ok(alone.length > 0);
      assert.deepStrictEqual(got(said.alone), alone);
    }],
    ['Vim: :make tells of a policy that is not there', () => {
      const [only, ...rest] = broken().said.lost;
      assert.deepStrictEqual(rest, []);
      assert.match(only.text, /not-there\.pol/);
      assert.strictEqual(only.type, 'e');
    }],
    ['Vim: gq lays a text out as `pentane fmt` does', () => {
      const { said } = broken();
      const all = ['allow from any', 'for http;', 'user bob; user bill;', 'switch s {dpid 1;access 1-4;}'];
      assert.deepStrictEqual(said.laid, fmt(binary, all));
      assert.deepStrictEqual(said.part, ['allow from any for http;', 'user   bob;']);
      const inside = fmt(binary, ['test "x" {a -> b => allow; c -> d => deny;}']);
      assert.ok(inside.length > 1);
      assert.deepStrictEqual(said.grown, ['user   bob;', ...inside, 'user   bill;']);
    }],
    ['Vim: gq leaves a text with mistakes as it is', () => {
      assert.deepStrictEqual(broken().said.broken, ['allow   form any;', 'user   bob;']);
    }],
    ['Vim: the settings name the commands, and are undone', () => {
      const { said } = broken();
      assert.deepStrictEqual(said.plain, ['pentane check --format concise', 'pentane fmt -']);
      assert.deepStrictEqual(said.comment, ['# %s', ':#']);
      assert.deepStrictEqual(said.undone, [1, '', 1, 1, 1]);
    }],
    ['Vim: gf opens an included file', () => assert.strictEqual(broken().said.included, 'more.pol')],
  ];
}

module.exports = { checks };
