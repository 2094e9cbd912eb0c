'use strict';
// Starts `pentane lsp` for policies, and says what is wrong when it cannot. Knows nothing of the language: the server does.

const { execFile } = require('child_process');
const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

/** Longest wait for the binary to say whether it has a language server. */
const PATIENCE = 10_000;

/** The running client, if there is one. */
let client;
/** Tells of policies and settings that others change. */
let watcher;
/** What is to be done with the server is done one after the other. */
let queue = Promise.resolve();

function activate(context) {
  watcher = vscode.workspace.createFileSystemWatcher('**/{*.pol,pentane.toml}');
  context.subscriptions.push(
    watcher,
    vscode.commands.registerCommand('pentane.restart', restart),
    vscode.workspace.onDidChangeConfiguration((change) => (change.affectsConfiguration('pentane.path') ? restart() : undefined)),
  );
  return restart();
}

function deactivate() {
  queue = queue.then(stop, stop);
  return queue;
}

function restart() {
  queue = queue.then(stop, stop).then(start);
  return queue;
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
}

async function start() {
  const command = vscode.workspace.getConfiguration('pentane').get('path', '').trim() || 'pentane';
  const cwd = vscode.workspace.workspaceFolders?.find((folder) => folder.uri.scheme === 'file')?.uri.fsPath;
  const trouble = await examine(command, cwd);
  if (trouble) {
    report(trouble);
    return;
  }
  // Without a transport the client adds no argument of its own.
  const server = { command, args: ['lsp'], options: { cwd } };
  const starting = new LanguageClient('pentane', 'Pentane', server, {
    documentSelector: [{ scheme: 'file', language: 'pentane' }, { scheme: 'untitled', language: 'pentane' }],
    synchronize: { fileEvents: watcher },
  });
  try {
    await starting.start();
    client = starting;
  } catch (error) {
    report(`\`${command} lsp\` does not start: ${error.message ?? error}`);
  }
}

/** What keeps the binary from being a language server; nothing, if it is one. */
async function examine(command, cwd) {
  const version = await run(command, ['--version'], cwd);
  switch (version.code) {
    case 'ENOENT':
      return `\`${command}\` was not found. Install Pentane, or say in the setting pentane.path where it is.`;
    case 'EACCES':
      return `\`${command}\` may not be run: it is no program, or its permissions forbid it.`;
    case 'TIMEOUT':
      return `\`${command} --version\` has not answered within ${PATIENCE / 1000} seconds.`;
    default:
  }
  const name = /^pentane \S+/.exec(version.stdout)?.[0];
  if (version.code !== 0 || !name) return `\`${command}\` is not Pentane: it does not answer \`--version\` as Pentane does.`;
  const help = await run(command, ['lsp', '--help'], cwd);
  if (help.code === 0) return undefined;
  const said = help.stderr.split('\n').find((line) => line.trim() !== '') ?? `it ends with ${help.code}`;
  return `\`${command}\` is ${name}, which is too old: it has no language server (${said.trim()}). Install a newer one.`;
}

/** Runs a command to its end: its exit code or what kept it from running, and what it said. */
function run(command, words, cwd) {
  return new Promise((resolve) => {
    const done = (error, stdout = '', stderr = '') => {
      const code = error ? (error.killed ? 'TIMEOUT' : (error.code ?? error.signal)) : 0;
      resolve({ code, stdout, stderr });
    };
    try {
      execFile(command, words, { cwd, timeout: PATIENCE, windowsHide: true }, done);
    } catch (error) {
      done(error);
    }
  });
}

/** Tells the user, and offers the way to the setting. Does not wait for an answer. */
function report(trouble) {
  const open = 'Open the setting';
  vscode.window.showErrorMessage(`Pentane: ${trouble}`, open).then((chosen) => {
    if (chosen === open) vscode.commands.executeCommand('workbench.action.openSettings', 'pentane.path');
  });
}

module.exports = { activate, deactivate };
