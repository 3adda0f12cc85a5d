import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { type Outcome, type ProgramName, programs, run, type Sandbox, sandbox } from "./program.ts";

/** The cases of fixtures/cases, whose README says what a transcript is made of. */

const root = resolve(import.meta.dirname, "../../fixtures/cases");

interface Step {
  readonly command: string;
  readonly stdout: string[];
  readonly stderr: string[];
  status: number;
}

const names = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

describe("cases", () => {
  it.each(names.map((name) => [name, titleOf(name)]))("%s: %s", async (name) => {
    const folder = join(root, name);
    const box = sandbox({ hasIdentity: !existsSync(join(folder, "no-identity")) });
    if (existsSync(join(folder, "in"))) cpSync(join(folder, "in"), box.work, { recursive: true });
    const before = filesIn(box.work);
    for (const step of readTranscript(name)) await check(step, box);

    const expected = existsSync(join(folder, "out")) ? filesIn(join(folder, "out")) : [];
    expect(filesIn(box.work)).toEqual([...new Set([...before, ...expected])].toSorted());
    for (const path of expected) {
      const pattern = readFileSync(join(folder, "out", path));
      if (!readFileSync(box.path(path)).equals(pattern)) {
        expectLines(box.read(path), pattern.toString(), `out/${path}`);
      }
    }
  });
});

async function check(step: Step, box: Sandbox): Promise<void> {
  const { status, stdout, stderr } = await runStep(step.command, box);
  const shown = `$ ${step.command}\n${stdout}${stderr}`;
  expectLines(stderr, textOf(step.stderr), shown);
  expectLines(stdout, textOf(step.stdout), shown);
  expect(status, shown).toBe(step.status);
}

function runStep(command: string, box: Sandbox): Promise<Outcome> {
  const words = [...command.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ""));
  const env: Record<string, string> = {};
  while (/^\w+=/.test(words[0] ?? "")) {
    const [variable = "", value = ""] = (words.shift() ?? "").split(/=(.*)/s);
    env[variable] = value;
  }
  const redirect = words.indexOf("<");
  const input = redirect === -1 ? null : (words[redirect + 1] ?? "");
  const [program = "", ...args] = redirect === -1 ? words : words.slice(0, redirect);
  if (!isProgram(program)) throw new Error(`no such program in a transcript: ${program}`);
  return run(program, box, args, { env, ...(input === null ? {} : { stdin: readFileSync(box.path(input)) }) });
}

function isProgram(name: string): name is ProgramName {
  return Object.hasOwn(programs, name);
}

function titleOf(name: string): string {
  return /^# (.*)/.exec(readFileSync(join(root, name, "transcript"), "utf8"))?.[1] ?? "";
}

function readTranscript(name: string): Step[] {
  const steps: Step[] = [];
  for (const line of readFileSync(join(root, name, "transcript"), "utf8")
    .trimEnd()
    .split("\n")) {
    const step = steps.at(-1);
    if (line.startsWith("$ ")) steps.push({ command: line.slice(2), stdout: [], stderr: [], status: 0 });
    else if (step === undefined) continue;
    else if (line.startsWith("! ")) step.stderr.push(line.slice(2));
    else if (line.startsWith("? ")) step.status = Number(line.slice(2));
    else step.stdout.push(line);
  }
  return steps;
}

/** Lines of a transcript as the text they stand for. */
function textOf(lines: readonly string[]): string {
  return lines.map((line) => (line.endsWith("\\") ? line.slice(0, -1) : `${line}\n`)).join("");
}

function expectLines(actual: string, pattern: string, shown: string): void {
  const source = pattern
    .split(/(^\.\.\.\n|\[\.\.\])/m)
    .map((part) =>
      part === "...\n" ? "(?:.*\\n)*" : part === "[..]" ? ".*" : part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"),
    )
    .join("");
  if (!new RegExp(`^${source}$`).test(actual)) expect(actual, shown).toBe(pattern);
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}
