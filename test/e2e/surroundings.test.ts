import { beforeEach, expect, it } from "vitest";
import { commandOf, type Outcome, RECIPIENT, run, runProgram, type Sandbox, sandbox } from "./program.ts";

/** What a program finds around it when it is started. Node and Bun differ here, and both builds have to do the same. */

let box: Sandbox;

const small = "a: b\nc: d # e\n";
/** More than a pipe holds. */
const big = Array.from({ length: 3_000 }, (_, i) => `key${i}: "value ${i}"\n`).join("");

/** A line for the shell, with `$dec` as the program. */
function shell(line: string): Promise<Outcome> {
  return runProgram("sh", ["-c", line], box, { env: { dec: commandOf("dec", box).join(" ") } });
}

async function seal(name: string, plain: string): Promise<void> {
  expect(
    (await run("enc", box, ["--age", RECIPIENT, "--type", "yaml", "-o", name, "-"], { stdin: plain })).status,
  ).toBe(0);
}

beforeEach(async () => {
  box = sandbox();
  await seal("f.yaml", small);
});

it("standard input may be closed, a folder, a file, a pipe, or slow", async () => {
  expect(await shell("$dec <&-")).toMatchObject({ status: 100, stdout: "" });
  const folder = await shell("$dec - < .");
  expect(folder).toMatchObject({ status: 2, stdout: "" });
  expect(folder.stderr).toBe("dec: error: cannot read standard input: it is a directory\n");
  expect(await shell("$dec < f.yaml")).toMatchObject({ status: 0, stdout: small });
  expect(await shell("cat f.yaml | $dec")).toMatchObject({ status: 0, stdout: small });
  expect(await shell("{ head -c 100 f.yaml; sleep 1; tail -c +101 f.yaml; } | $dec -")).toMatchObject({
    stdout: small,
  });
  expect(await shell("$dec /dev/stdin < f.yaml")).toMatchObject({ status: 0, stdout: small });
});

it("standard output may be a pipe that does not wait, with a reader who does", async () => {
  await seal("big.yaml", big);
  const nonBlocking = "perl -MFcntl -e 'fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK) or die; exec @ARGV'";
  const { stdout, stderr } = await shell(`{ ${nonBlocking} $dec big.yaml; echo $? > status; } | { sleep 2; cat; }`);
  expect([stdout === big, stderr, box.read("status")]).toEqual([true, "", "0\n"]);
});

it("standard error may be closed", async () => {
  expect(await shell("$dec nosuch 2>&-")).toMatchObject({ status: 100, stdout: "", stderr: "" });
});

it("a home that is set to nothing is none", async () => {
  for (const HOME of ["", "/nonexistent"]) {
    const { status, stdout, stderr } = await run("dec", box, ["f.yaml"], { env: { HOME } });
    expect([status, stdout]).toEqual([128, ""]);
    expect(stderr).toContain(HOME === "" ? "no home directory" : "/nonexistent/.config/sops/age/keys.txt");
  }
});

it("the working directory may be gone", async () => {
  const { status, stdout, stderr } = await shell("mkdir d && cd d && rmdir ../d && $dec f.yaml");
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/error: .*working directory/i);
  expect(stderr).not.toContain("internal");
});

it("a program that cannot be started is named, with the reason", async () => {
  box.write("script", "#!/nonexistent/interpreter\n", 0o755);
  box.write("text", "\u007fELF, but no program\n", 0o755);
  for (const [name, reason] of [
    ["script", "no such file or directory"],
    ["text", "ENOEXEC|exec format|status"],
  ] as const) {
    const env = { HOME: "/nonexistent", SOPS_AGE_KEY_CMD: box.path(name) };
    const { status, stdout, stderr } = await run("dec", box, ["f.yaml"], { env });
    expect([status, stdout]).toEqual([128, ""]);
    expect(stderr).toMatch(new RegExp(`SOPS_AGE_KEY_CMD: (cannot start .*/${name}: )?.*(${reason})`));
    expect(stderr).not.toContain("posix_spawn");
  }
});

it("names are shown as they are, in whatever script", async () => {
  const { status, stderr } = await run("dec", box, ["ключ 鍵 🔑.yaml"]);
  expect([status, stderr]).toEqual([100, "dec: error: ключ 鍵 🔑.yaml: no such file\n"]);
});
