import { realpathSync } from "node:fs";
import { basename, isAbsolute } from "node:path";
import { KeyleafError } from "../errors.ts";
import { splitCommand } from "../shell-words.ts";
import type { CliHost } from "./context.ts";
import { findProgram, notFoundHint } from "./programs.ts";

/** The user's editor: which one it is, and what it has to be told so that it keeps nothing and is waited for. */

export interface Editor {
  /** What messages call it. */
  readonly name: string;
  /** Whether it is one whose ways are known here. Another one may come back before the user is done. */
  readonly isKnown: boolean;
  /** What it keeps of a file that no flag keeps it from; `null`: nothing that is known. */
  readonly keeps: string | null;
  /**
   * Absolute path of the program, then its arguments.
   * @param line - to begin at, from 1; `null`: anywhere
   */
  commandFor(path: string, line: number | null): readonly string[];
}

interface KnownEditor {
  /** Names of its program, in lower case and without `.exe`. */
  readonly names: RegExp;
  readonly flags: readonly string[];
  /** It forks, or hands the file to a window that is open already, unless it is told to wait. The first is given, where none is. */
  readonly waitFlags?: readonly string[];
  /** `+N` in front of a file begins there. */
  readonly takesLine?: boolean;
  readonly keeps?: string;
}

/**
 * Runs before the user's own settings, which therefore have the last word unless it is said once more when they have been
 * read, and whenever it matters. What a small vim does not have must not keep the rest from being set.
 */
const vimSettings = [
  "augroup keyleaf",
  "autocmd VimEnter,BufReadPre,BufNewFile,BufWritePre,VimLeavePre * " +
    "silent! set noswapfile nobackup nowritebackup | silent! set noundofile | silent! set viminfo=",
  "augroup END",
];

/** After the user's own settings. The last is of a package that many have: it writes down all that was ever in a file. */
const emacsSettings =
  "(setq make-backup-files nil auto-save-default nil auto-save-list-file-prefix nil create-lockfiles nil " +
  "enable-dir-local-variables nil undo-tree-auto-save-history nil)";

const codeHistory =
  "its local history, in the folder of its settings, unless the setting workbench.localHistory.enabled is off";

const knownEditors: readonly KnownEditor[] = [
  {
    // No swap file, no viminfo (shada), and a window of its own stays in front.
    names: /^([gmr]?vimx?|[gmr]?view|nvim)([.-]\w+)?$/,
    flags: ["-n", "-i", "NONE", ...vimSettings.flatMap((setting) => ["--cmd", setting])],
    takesLine: true,
  },
  // Restricted, it writes no backups and no history, and nothing but the file.
  { names: /^r?nano$/, flags: ["--restricted"], takesLine: true },
  { names: /^emacs([-.\d].*)?$/, flags: ["--eval", emacsSettings], takesLine: true },
  {
    names: /^micro$/,
    flags: ["backup", "permbackup", "saveundo", "savehistory", "savecursor"].flatMap((name) => [`-${name}`, "false"]),
    takesLine: true,
  },
  {
    names: /^emacsclient([-.\d].*)?$/,
    flags: [],
    keeps: "backups and auto-save files as the Emacs is set up that it hands the file to",
  },
  // These keep nothing that would need a flag.
  { names: /^(hx|helix|kak|ed|pico|notepad)$/, flags: [] },
  {
    names: /^(code|code-insiders|code-oss|codium|vscodium|cursor|windsurf)$/,
    flags: [],
    waitFlags: ["--wait", "-w"],
    keeps: codeHistory,
  },
  {
    names: /^(subl|sublime_text|zed|zeditor|atom|pulsar|mate|bbedit|gedit|xed)$/,
    flags: [],
    waitFlags: ["--wait", "-w"],
  },
  { names: /^kate$/, flags: [], waitFlags: ["--block", "-b"] },
  { names: /^neovide$/, flags: [], waitFlags: ["--no-fork"] },
];

/** A window of their own, which they leave the terminal for. */
const GRAPHICAL_VIM = /^[gm](vimx?|view)([.-]\w+)?$/;

/** Without any setting, in this order, as the reference has them. */
const DEFAULTS = ["vim", "nano", "vi"];

/**
 * The editor that the environment names, else the first there is of vim, nano and vi. It is looked for on the absolute
 * directories of `PATH` only.
 * @throws `PROVIDER_EDITOR_FAILED` when there is none.
 */
export async function findEditor(host: CliHost): Promise<Editor> {
  const named = ["SOPS_EDITOR", "EDITOR", "VISUAL"].find((variable) => (host.env[variable] ?? "").trim() !== "");
  if (named !== undefined) return namedEditor(named, host.env[named] ?? "", host);
  const defaults = host.platform === "win32" ? [...DEFAULTS, "notepad"] : DEFAULTS;
  for (const name of defaults) {
    const program = findProgram(name, host.env, host.platform);
    if (program !== null) return editor(program, [], host);
  }
  throw new KeyleafError("PROVIDER_EDITOR_FAILED", `no editor found: neither ${defaults.join(" nor ")} is on PATH`, {
    hint: "set EDITOR to the editor of your choice",
  });
}

async function namedEditor(variable: string, text: string, host: CliHost): Promise<Editor> {
  const failed = (what: string, hint: string): KeyleafError =>
    new KeyleafError("PROVIDER_EDITOR_FAILED", `${variable}: ${what}`, { hint });
  const [name = "", ...args] = splitCommand(text) ?? [];
  if (name === "") throw failed("cannot be split into words", "check its quotes and backslashes");
  const program = findProgram(name, host.env, host.platform);
  if (program !== null) return editor(program, args, host);
  if (/[/\\]/.test(name) && !isAbsolute(name))
    throw failed(`${name} is a relative path`, "name the program alone, or by its whole path; ~ is not expanded");
  throw failed(`program not found: ${name}`, notFoundHint(name));
}

async function editor(program: string, args: readonly string[], host: CliHost): Promise<Editor> {
  const name = baseName(program);
  const known = await knownAs(program, host);
  const isTold = known?.waitFlags?.some((flag) => args.includes(flag)) === true;
  const flags = [
    ...(known?.flags ?? []),
    ...(GRAPHICAL_VIM.test(name) ? ["-f"] : []),
    ...(isTold ? [] : (known?.waitFlags ?? []).slice(0, 1)),
  ];
  return {
    name,
    isKnown: known !== null,
    keeps: known?.keeps ?? null,
    commandFor: (path, line) => {
      const start = line !== null && known?.takesLine === true ? [`+${line}`] : [];
      return [program, ...flags, ...start, ...args, path];
    },
  };
}

/** `editor` and `vi` are mostly links to something else. */
async function knownAs(program: string, host: CliHost): Promise<KnownEditor | null> {
  const names = [program, realPath(program)].map(baseName);
  for (const name of names) {
    const known = knownEditors.find((one) => one.names.test(name));
    if (known !== undefined) return known;
  }
  return names.includes("vi") && (await isVim(program, host)) ? knownAs("vim", host) : null;
}

/** Some systems have a vim whose program is called vi, others what knows none of its flags. */
async function isVim(program: string, host: CliHost): Promise<boolean> {
  const { stdout } = await host.run([program, "--version"], {});
  return Buffer.from(stdout).includes("Vi IMproved");
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function baseName(path: string): string {
  return basename(path)
    .toLowerCase()
    .replace(/\.exe$/, "");
}
