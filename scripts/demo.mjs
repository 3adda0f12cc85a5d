/**
 * Plays the main job on the files of examples/, in a temporary folder and with a temporary home, and removes both: each
 * command as it would be typed, and what it really prints. Fails when one of them ends otherwise than it should.
 *
 * usage: npm run demo        (needs git and a POSIX shell)
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { dec, enc, ensureBuilt, root } from "./built.mjs";

await ensureBuilt();
for (const [name, flag] of [
  ["git", "--version"],
  ["sh", "-c :"],
]) {
  if (spawnSync(name, flag.split(" ")).error === undefined) continue;
  process.stderr.write(`the demo needs ${name} on the PATH\n`);
  process.exit(1);
}

const temporary = realpathSync(mkdtempSync(join(tmpdir(), "keyleaf-demo-")));
const folder = join(temporary, "shop");
const home = join(temporary, "home");
const programs = join(temporary, "bin");
const env = environment();

process.on("exit", () => rmSync(temporary, { recursive: true, force: true }));
for (const [signal, number] of [
  ["SIGINT", 2],
  ["SIGTERM", 15],
]) {
  process.on(signal, () => process.exit(128 + number));
}

prepare();
play();

function play() {
  say("A new repository. enc init makes a key for this machine, and sets the repository up.");
  run("git init --quiet");
  run("enc init");

  say("Encrypt a file with secrets. The original stays out of git; what is committed is the encrypted file.");
  run("cat secrets.yaml");
  run("enc secrets.yaml > secrets.enc.yaml");
  run("head -n 9 secrets.enc.yaml");

  say("Decrypt it: the very same bytes come back, comments, quotes and blank lines included.");
  run("dec secrets.enc.yaml | cmp - secrets.yaml && echo identical");
  run("git add --all && git commit --quiet --message 'secrets of the orders service' && git ls-files");

  say("Change one value and encrypt again. git shows what changed inside, not the ciphertext.");
  run("sed 's/kZ8!vQ2#rT6m/n3w-P4ss/' secrets.yaml > changed && mv changed secrets.yaml");
  run("enc secrets.yaml > secrets.enc.yaml");
  run("git diff");

  say("One value, or another format.");
  run("dec --get database.password secrets.enc.yaml; echo");
  run("dec --get 'admins[1]' secrets.enc.yaml");
  run("dec --get signing --as json secrets.enc.yaml");

  say("dotenv: comments, quotes, export and values over several lines.");
  bring("app.env");
  run("enc -o app.enc.env app.env");
  run("cut -c 1-72 app.enc.env | head -n 7");
  run("dec app.enc.env | diff - app.env && echo identical");

  say("Any other file is encrypted as a whole.");
  bring("tls.key");
  run("enc -o tls.enc.key tls.key && dec tls.enc.key | cmp - tls.key && echo identical");

  say("Encrypt some values only. What stays clear is counted and named.");
  bring("config.json");
  run("enc --encrypted-regex '^(password|token)$' config.json > config.enc.json");
  run("grep -v '\"enc\":' config.enc.json | cut -c 1-90");

  say("Without the right key nothing comes out, and the error says what was tried.");
  run("enc keygen -o other.txt");
  run("HOME=/nowhere SOPS_AGE_KEY_FILE=other.txt dec secrets.enc.yaml", 128);

  say("A file that was tampered with is refused as well: here two lines have changed places.");
  run("sed -e '/ host:/{h;d;}' -e '/ port:/{G;}' secrets.enc.yaml > moved.enc.yaml; dec moved.enc.yaml", 51);
}

/** The two programs under their names, and the first example. */
function prepare() {
  for (const path of [folder, home, programs]) mkdirSync(path);
  bring("secrets.yaml");
  for (const [name, file] of [
    ["enc", enc],
    ["dec", dec],
  ]) {
    const path = join(programs, name);
    writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${file}' "$@"\n`);
    chmodSync(path, 0o755);
  }
}

/** Copies an example when its turn comes, so that it is not committed in clear before. */
function bring(name) {
  copyFileSync(join(root, "examples", name), join(folder, name));
}

/** Nothing of the user's own settings: no keys, no git configuration, no pager. */
function environment() {
  const isOwn = (name) => /^(SOPS|AWS|GIT|XDG)_/.test(name) || name === "HOME";
  const kept = Object.entries(process.env).filter(([name]) => !isOwn(name));
  const color = process.stdout.isTTY === true && !process.env.NO_COLOR ? "always" : "never";
  return {
    ...Object.fromEntries(kept),
    HOME: home,
    APPDATA: home,
    PATH: `${programs}${delimiter}${process.env.PATH ?? ""}`,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_PAGER: "cat",
    GIT_AUTHOR_NAME: "Demo",
    GIT_AUTHOR_EMAIL: "demo@example.invalid",
    GIT_COMMITTER_NAME: "Demo",
    GIT_COMMITTER_EMAIL: "demo@example.invalid",
    GIT_CONFIG_COUNT: "2",
    GIT_CONFIG_KEY_0: "color.ui",
    GIT_CONFIG_VALUE_0: color,
    GIT_CONFIG_KEY_1: "init.defaultBranch",
    GIT_CONFIG_VALUE_1: "main",
  };
}

/** Runs a line in the shell. Errors go where output goes, so that both stay in order. */
function run(line, expected = 0) {
  print(`$ ${line}\n`);
  const { status, signal } = spawnSync("sh", ["-c", line], { cwd: folder, env, stdio: ["ignore", 1, 1] });
  if (status !== 0) print(`(exit status ${status ?? signal})\n`);
  if (status === expected) return;
  process.stderr.write(`the demo expected exit status ${expected}\n`);
  process.exit(1);
}

function say(text) {
  print(`\n# ${text}\n`);
}

/** Synchronously: the commands write to the same place. */
function print(text) {
  writeSync(1, text);
}
