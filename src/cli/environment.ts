import { plainText, variableText } from "../crypto/scalar-bytes.ts";
import { isComment, type Leaf, type Mapping, type Node, type Scalar } from "../document/document.ts";
import { KeyleafError, pathText, unrepresentable } from "../errors.ts";

/** The environments that programs are given. */

export type Environment = Readonly<Record<string, string | undefined>>;

/** How the keys of a file become names of variables. */
export interface Naming {
  /** Values in lists and mappings too: the keys on the way are joined by `_`. */
  readonly isFlat: boolean;
  /** Which of them, by their names without the prefix; `null`: all. */
  readonly only: Patterns | null;
  /** What stands in front of every name. */
  readonly prefix: string;
}

/** A variable; `null`: it is not to be there. */
export type Variable = readonly [name: string, text: string | null];

/** Names, in which `*` stands for any characters. */
export class Patterns {
  readonly #patterns: readonly { readonly text: string; readonly expression: RegExp }[];
  readonly #used = new Set<string>();

  /** @param list - comma-separated; white space around a name does not count */
  constructor(list: string) {
    const texts = list.split(",").map((text) => text.trim());
    this.#patterns = texts
      .filter((text) => text !== "")
      .map((text) => {
        const parts = text.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
        return { text, expression: new RegExp(`^${parts.join(".*")}$`, "s") };
      });
  }

  has(name: string): boolean {
    const found = this.#patterns.filter(({ expression }) => expression.test(name));
    for (const { text } of found) this.#used.add(text);
    return found.length > 0;
  }

  /** Those that no name has matched so far. */
  unused(): string[] {
    return this.#patterns.map(({ text }) => text).filter((text) => !this.#used.has(text));
  }
}

/**
 * The variables of a document, in its order.
 * @throws `OUTPUT_UNREPRESENTABLE`, with the key and never a value: for a list or mapping unless they are made flat, for two
 * values of one name, and for what no environment can hold.
 */
export function variablesOf(document: Mapping, { isFlat, only, prefix }: Naming): Variable[] {
  const places = new Map<string, readonly string[]>();
  const variables: Variable[] = [];
  for (const { path, node } of isFlat ? leavesOf(document, []) : itemsOf(document)) {
    const name = path.join("_");
    if (only?.has(name) === false) continue;
    if (node.kind !== "leaf") {
      const kind = node.kind === "list" ? "list" : "mapping";
      throw unrepresentable(path, `a ${kind} cannot be a variable; --flatten makes one of each value in it`);
    }
    const before = places.get(name);
    if (before !== undefined) throw unrepresentable(path, `${name} would be the name of ${pathText(before)} too`);
    places.set(name, path);
    checkName(path, prefix + name);
    variables.push([prefix + name, textOf(path, node.scalar, variableText)]);
  }
  return variables;
}

/**
 * The variables of a document as `exec-env` of the reference has them, but that null is empty: there it is `<nil>`.
 * @throws `OUTPUT_UNREPRESENTABLE` for lists and mappings, and for what no environment can hold.
 */
export function referenceVariables(document: Mapping): Variable[] {
  return itemsOf(document).map(({ path, node }) => {
    if (node.kind !== "leaf") throw unrepresentable(path, "a list or mapping cannot be a variable");
    checkName(path, path.join());
    return [path.join(), textOf(path, node.scalar, plainText) ?? ""];
  });
}

/** A value and the keys that lead to it. */
interface Placed<N extends Node> {
  readonly path: readonly string[];
  readonly node: N;
}

function itemsOf(map: Mapping): Placed<Node>[] {
  return map.members.flatMap((member) => (member.kind === "item" ? [{ path: [member.key], node: member.value }] : []));
}

/** Every value below a node. Positions of list elements, from 0, are keys. */
export function leavesOf(node: Node, path: readonly string[]): Placed<Leaf>[] {
  if (node.kind === "leaf") return [{ path, node }];
  if (node.kind === "mapping") {
    return itemsOf(node).flatMap((item) => leavesOf(item.node, [...path, ...item.path]));
  }
  const elements = node.elements.filter((element): element is Node => !isComment(element));
  return elements.flatMap((element, position) => leavesOf(element, [...path, `${position}`]));
}

function checkName(path: readonly string[], name: string): void {
  if (name === "" || /[=\0]/.test(name)) throw unrepresentable(path, "no variable can have this name");
}

function textOf(path: readonly string[], scalar: Scalar, print: (scalar: Scalar) => string): string | null {
  if (scalar.type === "null") return null;
  if (typeof scalar.text !== "string") throw unrepresentable(path, "a variable cannot hold bytes that are not UTF-8");
  if (scalar.text.includes("\0")) throw unrepresentable(path, "a variable cannot hold a NUL character");
  return scalar.type === "str" ? scalar.text : print(scalar);
}

/**
 * Variables by which whoever writes a file could have other code run than the program that was named: those of the
 * dynamic loader, of shells, of interpreters, and the one that says where programs are. Everybody who knows a recipient can make
 * a file that opens, so these are not taken from one unless the user says so.
 */
const risky = new Patterns(
  [
    "PATH",
    // Loaders: of Linux and BSD, of macOS, and what glibc loads for character sets.
    "LD_*,DYLD_*,GCONV_PATH",
    // Shells: files that they run, options, and exported functions.
    "BASH_ENV,ENV,ZDOTDIR,SHELLOPTS,BASHOPTS,PS4,PROMPT_COMMAND,IFS,BASH_FUNC_*,SHELL",
    // Where programs look for settings that name other programs.
    "HOME,XDG_CONFIG_HOME,XDG_CONFIG_DIRS",
    "NODE_OPTIONS,NODE_PATH,BUN_*,DENO_*,ELECTRON_RUN_AS_NODE",
    "PYTHONPATH,PYTHONHOME,PYTHONSTARTUP,PYTHONINSPECT,PYTHONBREAKPOINT,PYTHONWARNINGS",
    "PERL5LIB,PERLLIB,PERL5OPT,PERL5DB,RUBYLIB,RUBYOPT,PHPRC,PHP_INI_SCAN_DIR,LUA_INIT*,LUA_PATH*,LUA_CPATH*",
    "JAVA_TOOL_OPTIONS,JDK_JAVA_OPTIONS,_JAVA_OPTIONS,CLASSPATH,DOTNET_STARTUP_HOOKS,CORECLR_*",
    "R_PROFILE,R_PROFILE_USER,R_ENVIRON,R_ENVIRON_USER,JULIA_LOAD_PATH,ERL_FLAGS,ERL_AFLAGS,ERL_ZFLAGS,TCLLIBPATH,PSModulePath,PSMODULEPATH",
    "MAVEN_OPTS,GRADLE_OPTS,RUSTC_WRAPPER,RUSTC_WORKSPACE_WRAPPER,CARGO_HOME,CC,CXX,MAKEFLAGS,GNUMAKEFLAGS",
    "OPENSSL_CONF,OPENSSL_ENGINES,OPENSSL_MODULES,GTK_MODULES,QT_PLUGIN_PATH,GLIBC_TUNABLES",
    "GIT_SSH,GIT_SSH_COMMAND,GIT_CONFIG*,GIT_EXEC_PATH,GIT_EXTERNAL_DIFF,GIT_PROXY_COMMAND,GIT_PAGER,GIT_EDITOR",
    "GIT_SEQUENCE_EDITOR,GIT_ASKPASS,GIT_TEMPLATE_DIR,GIT_DIR,GIT_WORK_TREE",
    // Programs that others start.
    "EDITOR,VISUAL,PAGER,MANPAGER,LESSOPEN,LESSCLOSE,BROWSER,SSH_ASKPASS,SUDO_ASKPASS,VIMINIT,EXINIT,PSQLRC",
  ].join(),
);

/** Every setting of npm can be a variable, in any case; some name programs. Credentials are what such files are for. */
function isRiskyOfNpm(name: string): boolean {
  return /^npm_config_/i.test(name) && !/auth|token|password|username|email|registry|cert|key/i.test(name);
}

/** @throws `USAGE` for a variable that may have other code run, and that the user has not allowed. */
export function checkRisk(name: string, allowed: Patterns, platform: string): void {
  const isRisky = risky.has(platform === "win32" ? name.toUpperCase() : name) || isRiskyOfNpm(name);
  if (!isRisky || allowed.has(name)) return;
  throw new KeyleafError("USAGE", `it sets ${name}, by which programs can be made to run other code`, {
    hint: `say --allow ${name} if you trust everybody who can write the file, or leave it out by --only`,
  });
}

/** Where this program finds the identities that open files, and so all secrets of its user. */
const identities = new Set([
  "SOPS_AGE_KEY",
  "SOPS_AGE_KEY_FILE",
  "SOPS_AGE_KEY_CMD",
  "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
  "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
]);

/** What programs cannot well do without: nothing in it is a secret. */
const basics = new Patterns(
  "PATH,HOME,USER,LOGNAME,SHELL,TERM,COLORTERM,TZ,LANG,LC_*,TMPDIR," +
    // Of Windows, where programs do not start without some of them.
    "Path,PATHEXT,SystemRoot,SystemDrive,windir,ComSpec,TEMP,TMP,USERPROFILE,APPDATA,LOCALAPPDATA",
);

/** What is handed on of this program's own environment. */
export function inherited(
  env: Environment,
  isPristine: boolean,
  allowed: Patterns,
): Record<string, string | undefined> {
  const isHandedOn = (name: string): boolean =>
    allowed.has(name) || (isPristine ? basics.has(name) : !identities.has(name));
  return Object.fromEntries(Object.entries(env).filter(([name]) => isHandedOn(name)));
}

/** An environment with variables set, or taken away; later ones win. */
export function withVariables(env: Environment, variables: Iterable<Variable>): Record<string, string | undefined> {
  const result = new Map(Object.entries(env));
  for (const [name, text] of variables) {
    if (text === null) result.delete(name);
    else result.set(name, text);
  }
  return Object.fromEntries(result);
}
