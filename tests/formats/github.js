'use strict';
// Annotations of GitHub: commands in lines, read as the runner reads them, against what the binary finds by its own JSON.

const { isWithoutPlace } = require('./sites');

const LEVELS = { error: 'error', warning: 'warning', notice: 'info' };

function data(text) {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}

function property(text) {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%3A', ':').replaceAll('%2C', ',').replaceAll('%25', '%');
}

/** What would do something to the log of a terminal: shown as U+FFFD. */
const HIDES = /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u2000-\u200f\u2028-\u202f\u205f-\u206f\ufeff]/g;

/** The command of a line, or an error. */
function command(line) {
  const read = /^::(error|warning|notice) (.*?)::(.*)$/.exec(line);
  if (!read) throw new Error(`no command: ${line}`);
  const properties = Object.fromEntries(read[2].split(',').map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), property(pair.slice(at + 1))];
  }));
  return { severity: LEVELS[read[1]], properties, message: data(read[3]) };
}

/** A text as a command can hold it; ends of lines are told in letters. */
function held(text) {
  return text.replace(HIDES, (found) => (found === '\r' ? found : '\ufffd'));
}

/** What is wrong with annotations of what was found. */
function compare(text, found, site) {
  const control = new RegExp(HIDES).exec(text);
  const trouble = control ? [`a control character at ${control.index}`] : [];
  const commands = text.split('\n').filter(Boolean).map(command);
  if (commands.length !== found.length) return [...trouble, `${commands.length} commands, and ${found.length} findings`];
  found.forEach((one, number) => {
    const { severity, properties, message } = commands[number];
    const known = ['file', 'line', 'endLine', 'col', 'endColumn', 'title'];
    const unknown = Object.keys(properties).filter((name) => !known.includes(name));
    const placed = properties.file === undefined
      ? isWithoutPlace(one, site)
      : properties.file === held(one.file) && properties.line === String(one.line) && properties.col === String(one.column);
    const right = unknown.length === 0 && placed && severity === one.severity && properties.title.startsWith(`${one.code}: `)
      && message.split('\n')[0] === held(one.message).split('\n')[0];
    if (!right) trouble.push(`${JSON.stringify(commands[number])} is not ${JSON.stringify(one)}`);
  });
  return trouble;
}

module.exports = { compare };
