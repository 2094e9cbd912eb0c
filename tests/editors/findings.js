'use strict';
// What the binary finds in a policy, from its stable JSON: what editors read out of its lines of text is held against that.

const { spawnSync } = require('child_process');

/** What `pentane check` finds in a folder, each with its message as `--format concise` has it: with the flow that shows it. */
function findings(binary, folder, files) {
  const done = spawnSync(binary, ['check', '--format', 'json', ...files], { cwd: folder, encoding: 'utf8' });
  if (done.error) throw done.error;
  return JSON.parse(done.stdout).diagnostics.map(({ file, line, column, severity, code, message, witness }) => {
    const shown = witness ? ` (${witness.flow}, decided by ${witness.decided_by})` : '';
    return { file, line, column, severity, code, message: message + shown };
  });
}

module.exports = { findings };
