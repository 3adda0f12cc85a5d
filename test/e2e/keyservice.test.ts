import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { keyServiceAt } from "../../src/crypto/key-service/grpc-client.ts";
import { describePeer, sopsProgram } from "../support/peers.ts";
import { runSops } from "../support/sops.ts";
import {
  commandOf,
  IDENTITY,
  type Outcome,
  outcomeOf,
  type ProgramName,
  RECIPIENT,
  type RunOptions,
  run,
  runProgram,
  type Sandbox,
  sandbox,
  start,
} from "./program.ts";

/** `enc keyservice` as a process, and whoever asks it. */

const PLAIN = "a: b\n";
/** Only those of key services. */
const REMOTE = "--enable-local-keyservice=false";

interface Service {
  readonly address: string;
  readonly pid: number;
  /** Ends it, and gives what it left. */
  stop(signal?: NodeJS.Signals): Promise<Outcome>;
}

/** Starts a key service, and waits until it listens. It is gone after the test. */
async function serve(box: Sandbox, args: readonly string[] = [], options: RunOptions = {}): Promise<Service> {
  const child = start("enc", box, ["keyservice", ...args], options);
  onTestFinished(() => void child.kill("SIGKILL"));
  const outcome = outcomeOf(child);
  const address = await Promise.race([
    once(child.stdout, "data").then(([line]) => String(line).trim()),
    outcome.then(({ stderr }) => expect.fail(`it ended: ${stderr}`)),
  ]);
  return {
    address,
    pid: child.pid ?? 0,
    stop: (signal = "SIGTERM") => {
      child.kill(signal);
      return outcome;
    },
  };
}

/** A folder with a plain file and an encrypted one, of a user who has no key. */
async function client(): Promise<Sandbox> {
  const box = sandbox({ hasIdentity: false });
  box.write("plain.yaml", PLAIN);
  expect(await run("enc", box, ["--age", RECIPIENT, "-o", "s.enc.yaml", "plain.yaml"])).toMatchObject({ status: 0 });
  return box;
}

async function expectThereAndBack(box: Sandbox, ...flags: string[]): Promise<void> {
  const sealed = await run("enc", box, [REMOTE, ...flags, "--age", RECIPIENT, "plain.yaml"]);
  expect(sealed).toMatchObject({ status: 0, stderr: "" });
  const opened = await run("dec", box, [REMOTE, ...flags, "--type", "yaml"], { stdin: sealed.stdout });
  expect(opened).toMatchObject({ status: 0, stderr: "", stdout: PLAIN });
}

describe("the socket", () => {
  it("is for this user only, in a private folder, and gone after Ctrl-C", async () => {
    const box = sandbox();
    const runtime = box.path("run");
    mkdirSync(runtime, { mode: 0o755 });
    const service = await serve(box, [], { env: { XDG_RUNTIME_DIR: runtime } });
    const path = join(runtime, "keyleaf", "keys.sock");
    expect(service.address).toBe(`unix://${path}`);
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    expect(lstatSync(join(runtime, "keyleaf")).mode & 0o777).toBe(0o700);
    const ended = await service.stop("SIGINT");
    expect(ended).toMatchObject({ status: 0, stdout: `unix://${path}\n` });
    expect(ended.stderr).toMatch(/^enc: note: listening on [^\n]*\n$/);
    expect(existsSync(path)).toBe(false);
  });

  it("is among the temporary files where there is no folder for what runs", async () => {
    const box = sandbox();
    const { address, stop } = await serve(box);
    expect(address).toBe(`unix://${box.temporary}/keyleaf-${process.getuid?.()}/keys.sock`);
    expect((await stop("SIGHUP")).status).toBe(0);
  });

  it("is not put where others could replace it", async () => {
    const box = sandbox();
    const open = box.path("open");
    mkdirSync(join(open, "keyleaf"), { recursive: true });
    chmodSync(join(open, "keyleaf"), 0o755);
    const wide = await run("enc", box, ["keyservice"], { env: { XDG_RUNTIME_DIR: open } });
    expect(wide).toMatchObject({ status: 1, stdout: "" });
    expect(wide.stderr).toContain("not a folder that only you can use");
    chmodSync(open, 0o777);
    const named = await run("enc", box, ["keyservice", "--address", "open/s.sock"]);
    expect(named).toMatchObject({ status: 1, stdout: "" });
    expect(named.stderr).toContain("others can change");
    expect(existsSync(join(open, "s.sock"))).toBe(false);
    // As in /tmp: others can make files there, but not remove ours.
    chmodSync(open, 0o1777);
    const { address } = await serve(box, ["--address", "open/s.sock"]);
    expect(lstatSync(address.replace("unix://", "")).mode & 0o777).toBe(0o600);
  });

  it("of a service that was killed is taken over, that of one that runs is not", async () => {
    const box = await client();
    const killed = await serve(box, ["--address", "s.sock"]);
    expect((await killed.stop("SIGKILL")).status).toBe("SIGKILL");
    expect(existsSync(box.path("s.sock"))).toBe(true);
    const service = await serve(box, ["--address", "s.sock"], { env: { SOPS_AGE_KEY: IDENTITY } });
    const second = await run("enc", box, ["keyservice", "--address", "s.sock"]);
    expect(second).toMatchObject({ status: 1, stdout: "" });
    expect(second.stderr).toContain("another program listens");
    await expectThereAndBack(box, "--keyservice", service.address);
  });

  it("is not put below a folder where others could replace what leads to it, links included", async () => {
    const box = sandbox();
    const [open, mine] = [box.path("open"), box.path("open/mine")];
    mkdirSync(mine, { recursive: true, mode: 0o700 });
    mkdirSync(box.path("safe"), { mode: 0o700 });
    chmodSync(open, 0o777);
    symlinkSync(mine, box.path("link"));
    symlinkSync("../safe/../safe", join(open, "link"));
    symlinkSync("open/link", box.path("safe-link"));
    const addresses = ["open/mine/s.sock", "link/s.sock", "open/link/s.sock", "safe-link/s.sock"];
    for (const address of addresses) {
      const ran = await run("enc", box, ["keyservice", "--address", address]);
      expect(ran).toMatchObject({ status: 1, stdout: "" });
      expect(ran.stderr).toContain(`others can change what is in ${open}, `);
    }
    expect([readdirSync(mine), readdirSync(box.path("safe"))]).toEqual([[], []]);
    chmodSync(open, 0o1777);
    for (const address of addresses) await (await serve(box, ["--address", address])).stop();
    // What belongs to somebody else is theirs to change, in a sticky folder too.
    if (process.getuid?.() !== 0) return;
    lchownSync(join(open, "link"), 12345, 12345);
    chownSync(mine, 12345, 12345);
    for (const address of addresses) {
      const ran = await run("enc", box, ["keyservice", "--address", address]);
      expect(ran).toMatchObject({ status: 1, stdout: "" });
      expect(ran.stderr).toContain(`others can change what is in ${open}`);
    }
  });

  it.each(["a socket", "a file"])("that was replaced by %s is not removed at the end", async (what) => {
    const box = sandbox();
    const path = box.path("s.sock");
    const service = await serve(box, ["--address", "s.sock"]);
    unlinkSync(path);
    if (what === "a file") box.write("s.sock", PLAIN);
    const other = createServer();
    onTestFinished(() => void other.close());
    if (what === "a socket") await once(other.listen(path), "listening");
    const { ino } = lstatSync(path);
    expect((await service.stop()).status).toBe(0);
    expect(lstatSync(path).ino).toBe(ino);
  });

  it("of somebody else that nobody listens at, and that cannot be removed, is an error in words", async () => {
    const box = sandbox();
    const folder = box.path("folder");
    mkdirSync(folder);
    expect((await (await serve(box, ["--address", "folder/s.sock"])).stop("SIGKILL")).status).toBe("SIGKILL");
    const isRoot = process.getuid?.() === 0;
    // Only root can be somebody else; others have a folder that they cannot write.
    chmodSync(folder, isRoot ? 0o1777 : 0o500);
    const to = "--reuid=12345 --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override".split(" ");
    const command = [...(isRoot ? ["setpriv", ...to] : []), ...commandOf("enc", box)];
    const args = [...command.slice(1), "keyservice", "--address", "folder/s.sock"];
    const ran = await runProgram(command[0] ?? "", args, box);
    expect(ran).toMatchObject({ status: 1, stdout: "" });
    expect(ran.stderr).toMatch(/error: nobody listens at .*folder\/s\.sock, but that socket cannot be removed/);
    if (isRoot) expect(ran.stderr).toContain("belongs to another user");
    expect(ran.stderr).toContain("--address");
    expect(readdirSync(folder)).toEqual(["s.sock"]);
    chmodSync(folder, 0o700);
  });

  it.each([
    ["a file of another kind", ["--address", "plain.yaml"], /is not a socket/],
    ["a folder that is not there", ["--address", "none/s.sock"], /cannot listen at .*none/],
    ["a long path", ["--address", `${"x".repeat(120)}.sock`], /103 bytes at most/],
    ["another kind of network", ["--network", "udp"], /unix or tcp/],
    ["no port", ["--network", "tcp", "--address", "localhost"], /not HOST:PORT/],
    ["all addresses", ["--network", "tcp", "--address", ":0"], /--allow-remote/],
    ["an address of the network", ["--network", "tcp", "--address", "192.0.2.1:0"], /--allow-remote/],
    [
      "an address that is not ours",
      ["--network", "tcp", "--address", "192.0.2.1:0", "--allow-remote"],
      /cannot listen/,
    ],
  ])("is not made at %s", async (_, args, reason) => {
    const box = sandbox();
    box.write("plain.yaml", PLAIN);
    const ran = await run("enc", box, ["keyservice", ...args]);
    expect(ran).toMatchObject({ status: 1, stdout: "" });
    expect(ran.stderr).toMatch(reason);
    expect(ran.stderr).not.toMatch(/\n\s+at /);
    expect(box.list()).toEqual(["plain.yaml"]);
    expect(box.read("plain.yaml")).toBe(PLAIN);
  });
});

describe("over tcp", () => {
  it("it says who can use the keys", async () => {
    const box = await client();
    const env = { SOPS_AGE_KEY: IDENTITY };
    const near = await serve(box, ["--network", "tcp", "--address", "127.0.0.1:0"], { env });
    await expectThereAndBack(box, "--keyservice", near.address);
    expect((await near.stop()).stderr).toContain("every user of this machine can use your keys");
    const far = await serve(box, ["--net", "tcp", "--addr", "0.0.0.0:0", "--allow-remote"], { env });
    await expectThereAndBack(box, "--keyservice", far.address.replace("0.0.0.0", "127.0.0.1"));
    expect((await far.stop()).stderr).toContain("everybody who can reach this address");
  });
});

describe("a service", () => {
  it("answers many at once, and logs neither keys nor values", async () => {
    const box = await client();
    const service = await serve(box, ["--verbose", "--address", "s.sock"], { env: { SOPS_AGE_KEY: IDENTITY } });
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => run("dec", box, ["--keyservice", service.address, "s.enc.yaml"])),
    );
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 0, stdout: PLAIN, stderr: "" });
    const ended = await service.stop();
    expect(ended.status).toBe(0);
    const line = `enc: note: decrypt a data key with age ${RECIPIENT}: done`;
    expect(ended.stderr.split("\n").filter((text) => text === line)).toHaveLength(8);
    expect(ended.stderr).not.toContain("AGE-SECRET-KEY");
  });

  it("that was not told to trust a server says so, and where to name it, on both sides", async () => {
    const box = await client();
    const service = await serve(box, ["--verbose", "--address", "s.sock"]);
    const key = "http://127.0.0.1:9/v1/transit/keys/k";
    const flags = [REMOTE, "--keyservice", service.address];
    const ran = await run("enc", box, [...flags, "--hc-vault-transit", key, "plain.yaml"]);
    expect(ran).toMatchObject({ status: 1, stdout: "" });
    const sealed = box.read("s.enc.yaml").replace(/ {4}age:\n.*?(?= {4}lastmodified)/s, "");
    const fields = { vault_address: "http://127.0.0.1:9", engine_path: "transit", key_name: "k", enc: "vault:v1:AAAA" };
    box.write("v.enc.yaml", sealed.replace("sops:\n", `sops:\n    hc_vault: [${JSON.stringify(fields)}]\n`));
    // The client's own flag is not what counts.
    const opened = await run("dec", box, [...flags, "--trust-endpoint", "http://127.0.0.1:9", "v.enc.yaml"]);
    expect(opened).toMatchObject({ status: 128, stdout: "" });
    const log = (await service.stop()).stderr.split("\n").filter((line) => line.includes(key));
    const hint = "enc keyservice with --trust-endpoint http://127.0.0.1:9)";
    expect([ran.stderr, opened.stderr, ...log]).toEqual(Array(4).fill(expect.stringContaining(hint)));
  });

  it("answers hundreds over one connection", async () => {
    const box = await client();
    const { address } = await serve(box, ["--address", "s.sock"]);
    const session = connectHttp2("http://localhost", {
      createConnection: () => connect(address.replace("unix://", "")),
    });
    onTestFinished(() => session.destroy());
    const statuses = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const stream = session.request({
          ":method": "POST",
          ":path": "/KeyService/Decrypt",
          "content-type": "application/grpc",
          te: "trailers",
        });
        stream.end(Uint8Array.of(0, 0, 0, 0, 2, 0x0a, 0));
        const [headers] = await once(stream, "response");
        stream.resume();
        return (headers as Record<string, string>)["grpc-status"];
      }),
    );
    expect(statuses).toEqual(statuses.map(() => "5"));
  });

  it("survives who speaks something else, says nothing, sends too much, or goes in the middle", async () => {
    const box = await client();
    const { address, stop } = await serve(box, ["--address", "s.sock"], { env: { SOPS_AGE_KEY: IDENTITY } });
    const path = address.replace("unix://", "");
    for (const text of [
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "\u0016\u0003\u0001garbage",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0",
    ]) {
      const socket = connect(path);
      socket.on("error", () => {});
      socket.end(text);
      socket.resume();
      await once(socket, "close");
    }
    const silent = connect(path);
    onTestFinished(() => void silent.destroy());
    const huge = keyServiceAt(address).call("Decrypt", new Uint8Array(3_000_000));
    await expect(huge).rejects.toThrow(/too long: a request has 1048576 bytes at most/);
    await expect(keyServiceAt(address).call("Decrypt", new Uint8Array(20).fill(0xff))).rejects.toThrow(/not a request/);
    await expect(keyServiceAt(address).call("Decrypt", Uint8Array.of(0), AbortSignal.abort())).rejects.toThrow(
      /given up/,
    );
    await expectThereAndBack(box, "--keyservice", address);
    expect((await stop()).status).toBe(0);
  });

  it("is not there any more for who comes later", async () => {
    const box = await client();
    const { address, stop } = await serve(box, ["--address", "s.sock"], { env: { SOPS_AGE_KEY: IDENTITY } });
    await stop();
    const late = await run("dec", box, ["--keyservice", address, "s.enc.yaml"]);
    expect(late).toMatchObject({ status: 128, stdout: "" });
    expect(late.stderr).toContain(`key service ${address}: there is no such socket`);
    const sealing = await run("enc", box, [
      REMOTE,
      "--keyservice",
      address,
      "--age",
      RECIPIENT,
      "-o",
      "t",
      "plain.yaml",
    ]);
    expect(sealing).toMatchObject({ status: 1, stdout: "" });
    expect(existsSync(box.path("t"))).toBe(false);
  });

  it("without the key says why, and keeps to its own keys", async () => {
    const box = await client();
    // Not even itself: that would go round in circles.
    const { address } = await serve(box, ["--address", "s.sock"], {
      env: { SOPS_KEYSERVICE: `unix://${box.path("s.sock")}` },
    });
    const ran = await run("dec", box, [REMOTE, "--keyservice", address, "s.enc.yaml"]);
    expect(ran).toMatchObject({ status: 128, stdout: "" });
    expect(ran.stderr).toContain(`key service ${address}: `);
  });
});

describe("key services are named", () => {
  it("by a variable, for git too, and by flags, which replace it", async () => {
    const box = await client();
    const { address } = await serve(box, ["--address", "s.sock"], { env: { SOPS_AGE_KEY: IDENTITY } });
    const env = { SOPS_KEYSERVICE: `unix:///nowhere/s.sock, ${address}` };
    expect(await run("dec", box, ["s.enc.yaml"], { env })).toMatchObject({ status: 0, stdout: PLAIN, stderr: "" });
    expect(await run("enc", box, ["git", "textconv", "s.enc.yaml"], { env })).toMatchObject({
      status: 0,
      stdout: PLAIN,
    });
    const flags = ["--keyservice", "unix:///nowhere/t.sock", "s.enc.yaml"];
    const replaced = await run("dec", box, flags, { env });
    expect(replaced.status).toBe(128);
    expect(replaced.stderr).not.toContain("s.sock");
    const both = await run("dec", box, ["--keyservice", address, ...flags], { env });
    expect(both).toMatchObject({ status: 0, stdout: PLAIN });
  });

  it("or not at all, and then nothing opens a file where the keys at hand are switched off", async () => {
    const box = sandbox();
    box.write("plain.yaml", PLAIN);
    await run("enc", box, ["--age", RECIPIENT, "-o", "s.enc.yaml", "plain.yaml"]);
    for (const [args, env] of [
      [[REMOTE], {}],
      [["--enable-local-keyservice=0"], {}],
      [[], { SOPS_ENABLE_LOCAL_KEYSERVICE: "false" }],
      [[], { SOPS_ENABLE_LOCAL_KEYSERVICE: "" }],
    ] as const) {
      const ran = await run("dec", box, [...args, "s.enc.yaml"], { env });
      expect(ran).toMatchObject({ status: 128, stdout: "" });
      expect(ran.stderr).toContain("switched off");
      expect(await run("enc", box, [...args, "--age", RECIPIENT, "plain.yaml"], { env })).toMatchObject({ status: 1 });
    }
    for (const args of [["--enable-local-keyservice"], ["--enable-local-keyservice=true"]]) {
      const env = { SOPS_ENABLE_LOCAL_KEYSERVICE: "false" };
      expect(await run("dec", box, [...args, "s.enc.yaml"], { env })).toMatchObject({ status: 0, stdout: PLAIN });
    }
    expect(await run("dec", box, ["--enable-local-keyservice=x", "s.enc.yaml"])).toMatchObject({
      status: 1,
      stdout: "",
    });
    const env = { SOPS_ENABLE_LOCAL_KEYSERVICE: "x" };
    expect(await run("dec", box, ["s.enc.yaml"], { env })).toMatchObject({ status: 1, stdout: "" });
  });

  it("wrongly, which is an error, under the name sops a warning; far away, which is a warning", async () => {
    const box = sandbox();
    box.write("plain.yaml", PLAIN);
    await run("enc", box, ["--age", RECIPIENT, "-o", "s.enc.yaml", "plain.yaml"]);
    const args = (address: string) => ["--keyservice", address, "s.enc.yaml"];
    const wrong = await run("dec", box, args("127.0.0.1:5000"));
    expect(wrong).toMatchObject({ status: 1, stdout: "" });
    expect(wrong.stderr).toContain("tcp://HOST:PORT");
    const sops = await run("sops", box, ["decrypt", ...args("127.0.0.1:5000")]);
    expect(sops).toMatchObject({ status: 0, stdout: PLAIN });
    expect(sops.stderr).toMatch(/^sops: warning: .*left out\n$/);
    // It is not asked: the key is at hand.
    const far = await run("dec", box, args("tcp://192.0.2.1:5000"));
    expect(far).toMatchObject({ status: 0, stdout: PLAIN });
    expect(far.stderr).toContain("in the clear");
    expect(await run("enc", box, ["keygen", "-o", "-"], { env: { SOPS_KEYSERVICE: "nonsense" } })).toMatchObject({
      status: 0,
    });
  });
});

/**
 * Runs a program at a terminal of its own, types an answer at each question, and ends when the file `stop` is there.
 * Its output goes to files, so that only questions are seen at the terminal.
 */
const AT_TERMINAL = `
import os, pty, re, select, signal, sys, time
folder, answers, command = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT, 0o600), descriptor)
    os.execv(command[0], command)
seen = b""
asked = 0
while not os.path.exists(os.path.join(folder, "stop")):
    if select.select([terminal], [], [], 0.05)[0]:
        try: seen += os.read(terminal, 4096)
        except OSError: break
    if len(re.findall(rb"\\(y/n\\) ", seen)) > asked:
        os.write(terminal, {"Y": b"\\x03"}.get(answers[asked], answers[asked].encode() + b"\\r"))
        asked += 1
if os.path.exists(os.path.join(folder, "stop")): os.kill(pid, signal.SIGTERM)
status = os.waitpid(pid, 0)[1]
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(status))
`;

describePeer("--prompt", "python3", process.platform === "win32" ? null : "python3", (python) => {
  it("asks at the terminal for every use, and Ctrl-C is still Ctrl-C", async () => {
    const box = await client();
    const terminal = sandbox();
    const command = [...commandOf("enc", terminal), "keyservice", "--prompt", "--address", "s.sock"];
    const served = runProgram(python, ["-c", AT_TERMINAL, terminal.temporary, "xynyY", ...command], terminal);
    onTestFinished(() => terminal.write(join(terminal.temporary, "stop"), ""));
    const address = `unix://${terminal.path("s.sock")}`;
    while (!existsSync(join(terminal.temporary, "out")) || readFileSync(join(terminal.temporary, "out")).length === 0) {
      await new Promise((later) => setTimeout(later, 50));
    }
    const ask = () => run("dec", box, [REMOTE, "--keyservice", address, "s.enc.yaml"]);
    // "x" is no answer, so that it is asked again.
    expect(await ask()).toMatchObject({ status: 0, stdout: PLAIN });
    const refused = await ask();
    expect(refused).toMatchObject({ status: 128, stdout: "" });
    expect(refused.stderr).toContain("does not permit this: refused by its user");
    expect(await ask()).toMatchObject({ status: 0, stdout: PLAIN });
    // The fifth time the answer is Ctrl-C.
    expect(await ask()).toMatchObject({ status: 128, stdout: "" });
    const { status, stdout } = await served;
    expect(status).toBe(0);
    expect(stdout.split(`decrypt a data key with age ${RECIPIENT}? (y/n) `)).toHaveLength(6);
    expect(existsSync(terminal.path("s.sock"))).toBe(false);
  });

  it("refuses where there is no terminal", async () => {
    const box = await client();
    const [program = "", ...rest] = [...commandOf("enc", box), "keyservice", "--prompt", "--address", "s.sock"];
    // A session of its own has no terminal.
    const script = "import os, sys\nos.setsid()\nos.execv(sys.argv[1], sys.argv[1:])";
    const child = spawn(python, ["-c", script, program, ...rest], {
      cwd: box.work,
      env: { ...box.env, SOPS_AGE_KEY: IDENTITY },
      stdio: "ignore",
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    while (!existsSync(box.path("s.sock"))) await new Promise((later) => setTimeout(later, 50));
    const ran = await run("dec", box, [REMOTE, "--keyservice", `unix://${box.path("s.sock")}`, "s.enc.yaml"]);
    expect(ran).toMatchObject({ status: 128, stdout: "" });
    expect(ran.stderr).toContain("or it has none");
  });
});

describePeer("sops 3.11.0 and this program", "sops", sopsProgram(), (sopsPath) => {
  /** The reference as a server, until the end of the test. */
  async function serveSops(box: Sandbox, ...args: string[]): Promise<void> {
    const child = spawn(sopsPath, ["keyservice", ...args, "--verbose"], {
      env: { HOME: box.home, SOPS_AGE_KEY: IDENTITY, SOPS_DISABLE_VERSION_CHECK: "true" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let said = "";
    await new Promise<void>((done) => {
      // Read on to the end: with a closed pipe it would stop.
      child.stderr.on("data", (text) => {
        said += text;
        if (said.includes("Listening on")) done();
      });
      child.on("close", () => done());
    });
    expect(said).toContain("Listening on");
  }

  it.each(["unix", "tcp"])("its client, our service, over %s", async (network) => {
    const box = await client();
    const args = network === "unix" ? ["--address", "s.sock"] : ["--network", "tcp", "--address", "127.0.0.1:0"];
    const { address, stop } = await serve(box, args, { env: { SOPS_AGE_KEY: IDENTITY } });
    const sops = (stdin: string, ...words: string[]) =>
      runSops(sopsPath, { cwd: box.work, stdin: Buffer.from(stdin) }, ...words, REMOTE, "--keyservice", address);
    const sealed = await sops("", "encrypt", "--age", RECIPIENT, "plain.yaml");
    expect(sealed).toMatchObject({ status: 0 });
    box.write("t.yaml", sealed.stdout);
    const opened = await Promise.all(Array.from({ length: 8 }, () => sops("", "decrypt", "t.yaml")));
    for (const { status, stdout } of opened) expect([status, stdout.toString()]).toEqual([0, PLAIN]);
    const other = "age1y4dez0zky4p37ua3saz6n2gjpq87ml45q2rppjxvw3k9726gdqlqdvn4gg";
    await run("enc", box, ["--age", other, "-o", "other.enc.yaml", "plain.yaml"]);
    const refused = await sops("", "decrypt", "other.enc.yaml");
    expect(refused.status).toBe(128);
    expect(refused.stderr.replace(/\s*\|?\s+/g, " ")).toContain("code = Unknown desc =");
    expect((await stop()).status).toBe(0);
  });

  it("our client, its service, over a socket", async () => {
    const box = await client();
    await serveSops(box, "--net", "unix", "--addr", box.path("r.sock"));
    await expectThereAndBack(box, "--keyservice", `unix://${box.path("r.sock")}`);
  });

  it("our client, its service, over tcp; its reasons are ours", async () => {
    const box = await client();
    // The reference cannot be told to choose a port.
    const finder = createServer().listen(0, "127.0.0.1");
    await once(finder, "listening");
    const { port } = finder.address() as { port: number };
    await new Promise((done) => finder.close(done));
    await serveSops(box, "--network", "tcp", "--address", `127.0.0.1:${port}`);
    const address = `tcp://127.0.0.1:${port}`;
    await expectThereAndBack(box, "--keyservice", address);
    const many = Array.from({ length: 8 }, () => run("dec", box, [REMOTE, "--keyservice", address, "s.enc.yaml"]));
    for (const outcome of await Promise.all(many)) expect(outcome).toMatchObject({ status: 0, stdout: PLAIN });
    const other = "age1y4dez0zky4p37ua3saz6n2gjpq87ml45q2rppjxvw3k9726gdqlqdvn4gg";
    await run("enc", box, ["--age", other, "-o", "other.enc.yaml", "plain.yaml"]);
    const refused = await run("dec", box, [REMOTE, "--keyservice", address, "other.enc.yaml"]);
    expect(refused.status).toBe(128);
    expect(refused.stderr).toMatch(/key service tcp:\S+ .*identity/i);
  });

  it("under the name sops our service takes its arguments, and is as quiet", async () => {
    const box = await client();
    const name: ProgramName = "sops";
    const env = { SOPS_AGE_KEY: IDENTITY };
    const child = start(name, box, ["keyservice", "--net", "unix", "--addr", box.path("q.sock")], { env });
    onTestFinished(() => void child.kill("SIGKILL"));
    const outcome = outcomeOf(child);
    while (!existsSync(box.path("q.sock"))) await new Promise((later) => setTimeout(later, 20));
    const words = ["decrypt", REMOTE, "--keyservice", `unix://${box.path("q.sock")}`, "s.enc.yaml"];
    expect(await runSops(sopsPath, { cwd: box.work }, ...words)).toMatchObject({ status: 0 });
    expect(await run(name, box, words)).toMatchObject({ status: 0, stdout: PLAIN, stderr: "" });
    child.kill("SIGTERM");
    expect(await outcome).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(existsSync(box.path("q.sock"))).toBe(false);
  });
});
