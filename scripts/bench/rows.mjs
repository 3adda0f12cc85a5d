/**
 * What is measured, one row each:
 * - `title`, `table` (`start`, `size` or `many`) and for files `format`, `count` and `verb`;
 * - `turns`: how often every program takes its turn, `pairs`: how often two builds are compared;
 * - `prepare()` makes the files, once; `reset()` makes them again before a turn that changes them;
 * - `ours(program)`, `theirs`: commands by program, see measure.mjs.
 *
 * Encrypting goes to standard output, except where the title says `-i`. All encrypted files are made by Keyleaf; sops and
 * rops read them as their own.
 */
import { FORMATS, sizeTitle } from "./names.mjs";
import { extension, text } from "./texts.mjs";
import { copyFolder, emptyFolder, output, write } from "./workspace.mjs";

/**
 * @param found - programs by id, see programs.mjs; the npm build makes the encrypted files.
 * @param isQuick - fewer turns, nothing over 10,000 values.
 * @param words - only rows with these in their title; `null`: all.
 */
export function rows({ found, recipient, isQuick, words = null }) {
  const context = { found, recipient, isQuick, npm: found.get("npm") };
  const counts = isQuick ? [1_000, 10_000] : [1_000, 10_000, 100_000, 1_000_000];
  const all = [
    ...startRows(context),
    ...counts.flatMap((count) => FORMATS.flatMap((format) => sizeRows(context, format, count))),
    ...manyRows(context),
  ];
  return words === null ? all : all.filter(({ title }) => plain(title).includes(plain(words)));
}

/** Titles are Markdown; who names one need not write its backticks. */
function plain(title) {
  return title.replaceAll("`", "").toLowerCase();
}

/** A file of ten values: what a deploy and a diff wait for. */
function startRows({ found, recipient, isQuick, npm }) {
  const [file, clear] = ["small.enc.yaml", "small.yaml"];
  const row = (title, ours) => ({
    title,
    table: "start",
    turns: isQuick ? 11 : 41,
    pairs: isQuick ? 11 : 31,
    prepare: () => {
      write(clear, text("yaml", 10));
      write(file, output(...npm.enc, "encrypt", "--age", recipient, clear));
    },
    ours: (program) => once(ours(program)),
    theirs: { node: (node) => once(node.words), ...decrypts(file, "yaml") },
  });
  return [
    row("`dec`, 10 values", ({ dec }) => [...dec, file]),
    row("`enc git textconv`, 10 values", ({ enc }) => [...enc, "git", "textconv", file]),
  ].map((row) => withCommands(row, found));
}

function sizeRows({ found, recipient, isQuick, npm }, format, count) {
  const [clear, file] = [`${count}.${extension(format)}`, `${count}.enc.${extension(format)}`];
  const encrypt = ["encrypt", "--age", recipient];
  const makeClear = () => write(clear, text(format, count));
  const makeSealed = () => {
    makeClear();
    write(file, output(...npm.enc, ...encrypt, clear));
  };
  const row = (verb, prepare, ours, theirs) => ({
    ...{ title: sizeTitle(format, count, verb), table: "size", format, count, verb },
    turns: isQuick || count > 10_000 ? 3 : 11,
    pairs: isQuick || count > 10_000 ? 8 : 15,
    prepare,
    ours: (program) => once(ours(program)),
    // The JSON writer of sops would take hours over a million values: there Keyleaf is held against itself.
    theirs: count > 100_000 ? {} : theirs,
  });
  return [
    row("encrypt", makeClear, ({ enc }) => [...enc, ...encrypt, clear], encrypts(clear, format, encrypt)),
    row("decrypt", makeSealed, ({ dec }) => [...dec, file], decrypts(file, format)),
  ].map((row) => withCommands(row, found));
}

/** Many small files: one process here, one for each file there. rops has nothing for files in place without a terminal. */
function manyRows({ found, recipient, isQuick, npm }) {
  const count = isQuick ? 100 : 1_000;
  const names = Array.from({ length: count }, (_, i) => `many/${i}.yaml`);
  const encrypt = ["encrypt", "-i", "--age", recipient];
  const row = (verb, from, ours, theirs) => ({
    ...{ title: `\`${verb} -i\`, ${count.toLocaleString("en")} files of 10 values`, table: "many", count },
    turns: isQuick ? 1 : 3,
    pairs: 8,
    prepare: () => {
      emptyFolder("clear");
      for (const [i] of names.entries()) write(`clear/${i}.yaml`, text("yaml", 10));
      copyFolder("clear", "many");
      output(...npm.enc, ...encrypt, ...names);
      copyFolder("many", "sealed");
    },
    reset: () => copyFolder(from, "many"),
    ours: (program) => once([...ours(program), ...names]),
    theirs: { sops: ({ words }) => ({ steps: names.map((name) => [...words, ...theirs, name]) }) },
  });
  return [
    row("enc", "clear", ({ enc }) => [...enc, ...encrypt], encrypt),
    row("dec", "sealed", ({ dec }) => [...dec, "-i"], ["decrypt", "-i"]),
  ].map((row) => withCommands(row, found));
}

function once(words) {
  return { steps: [words] };
}

/** rops takes a file's name only at a terminal, and reads standard input elsewhere. It has no dotenv. */
function decrypts(file, format) {
  const sops = ({ words }) => once([...words, "decrypt", file]);
  const rops = ({ words }) => ({ steps: [[...words, "decrypt", "--format", format]], stdin: file });
  return format === "dotenv" ? { sops } : { sops, rops };
}

function encrypts(file, format, encrypt) {
  const sops = ({ words }) => once([...words, ...encrypt, file]);
  const rops = ({ words }) => ({ steps: [[...words, ...encrypt, "--format", format]], stdin: file });
  return format === "dotenv" ? { sops } : { sops, rops };
}

/** @returns the row with `commands` by program, of those that were found. */
function withCommands(row, found) {
  const commands = new Map();
  for (const [id, program] of found) {
    const command = program.enc === undefined ? row.theirs[id] : row.ours;
    if (command !== undefined) commands.set(id, command(program));
  }
  return { ...row, commands };
}
