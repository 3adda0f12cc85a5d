/**
 * A plugin of age for tests, which does real cryptography: its recipients are X25519 keys under another name. What else
 * it does is told by the bytes behind the key in an identity or a recipient: a word for each thing, with colons between.
 */
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeBech32 } from "../../src/crypto/age/bech32.ts";

/** An identity of the plugin and its recipient. TEST ONLY */
export interface PluginKey {
  readonly identity: string;
  readonly recipient: string;
}

/** @param doing - What the plugin is to do besides; see below. */
export function pluginKey(doing = "", name = "keyleaf-test"): PluginKey {
  const { privateKey } = generateKeyPairSync("x25519");
  const { d = "" } = privateKey.export({ format: "jwk" });
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  const withWords = (key: string): Buffer => Buffer.concat([Buffer.from(key, "base64url"), Buffer.from(doing)]);
  return {
    identity: encodeBech32(`age-plugin-${name}-`, withWords(d)).toUpperCase(),
    recipient: encodeBech32(`age1${name}`, withWords(x)),
  };
}

/** Puts the plugin into a folder that is to be on PATH. */
export function writePlugin(folder: string, name = "keyleaf-test"): void {
  const path = join(folder, `age-plugin-${name}`);
  writeFileSync(path, `#!${process.execPath}\n${program}`);
  chmodSync(path, 0o755);
}

/** What the plugin does is written down in `$PLUGIN_LOG`, a line each, if that is set. */
const program = String.raw`
const crypto = require("node:crypto");
const { appendFileSync } = require("node:fs");
const log = (line) => process.env.PLUGIN_LOG && appendFileSync(process.env.PLUGIN_LOG, line + "\n");
const b64 = (bytes) => Buffer.from(bytes).toString("base64").replaceAll("=", "");
const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const LABEL = "keyleaf-test";

function bytesOf(bech32) {
  const data = [...bech32.slice(bech32.lastIndexOf("1") + 1, -6).toLowerCase()];
  const bits = data.map((c) => ALPHABET.indexOf(c).toString(2).padStart(5, "0")).join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
}

// Lines of standard input, one after the other.
const chunks = process.stdin[Symbol.asyncIterator]();
let held = "";
async function line() {
  while (!held.includes("\n")) {
    const { value, done } = await chunks.next();
    if (done) { log("closed"); process.exit(0); }
    held += value.toString("latin1");
  }
  const end = held.indexOf("\n");
  const text = held.slice(0, end);
  held = held.slice(end + 1);
  return text;
}
async function receive() {
  const [arrow, ...args] = (await line()).split(" ");
  if (arrow !== "->") { log("bad stanza"); process.exit(9); }
  let body = "";
  for (;;) {
    const text = await line();
    body += text;
    if (text.length < 64) return { args, body: Buffer.from(body, "base64") };
  }
}
function send(args, body = "") {
  const lines = b64(body).match(/.{1,64}/g) ?? [];
  if (lines.length === 0 || lines.at(-1).length === 64) lines.push("");
  process.stdout.write("-> " + args.join(" ") + "\n" + lines.join("\n") + "\n");
}
async function call(args, body) {
  send(args, body);
  const answer = await receive();
  log(args[0] + ": " + answer.args.join(" ") + (answer.body.length > 0 ? " " + answer.body : ""));
  return answer;
}
function key(secret, share, owner) {
  return Buffer.from(crypto.hkdfSync("sha256", secret, Buffer.concat([share, owner]), LABEL, 32));
}
const publicOf = (x) => crypto.createPublicKey({ key: { kty: "OKP", crv: "X25519", x: b64(x) }, format: "jwk" });
const pkcs8 = (d) => Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), d]);
const privateOf = (d) => crypto.createPrivateKey({ key: pkcs8(d), format: "der", type: "pkcs8" });
const rawPublic = (k) => Buffer.from(crypto.createPublicKey(k).export({ format: "jwk" }).x, "base64url");

function wrap(recipient, fileKey) {
  const ephemeral = crypto.generateKeyPairSync("x25519").privateKey;
  const share = rawPublic(ephemeral);
  const secret = crypto.diffieHellman({ privateKey: ephemeral, publicKey: publicOf(recipient) });
  const cipher = crypto.createCipheriv("chacha20-poly1305", key(secret, share, recipient), Buffer.alloc(12), { authTagLength: 16 });
  return { args: ["keyleaf-test", b64(share)], body: Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]) };
}
function unwrap(identity, { args, body }) {
  if (args[0] !== "keyleaf-test") return null;
  const share = Buffer.from(args[1], "base64");
  const privateKey = privateOf(identity);
  const secret = crypto.diffieHellman({ privateKey, publicKey: publicOf(share) });
  const decipher = crypto.createDecipheriv("chacha20-poly1305", key(secret, share, rawPublic(privateKey)), Buffer.alloc(12), { authTagLength: 16 });
  decipher.setAuthTag(body.subarray(-16));
  try { return Buffer.concat([decipher.update(body.subarray(0, -16)), decipher.final()]); } catch { return null; }
}

// What a key says that is to be done besides.
async function besides(words) {
  for (const word of words) {
    if (word === "msg") await call(["msg"], "touch the \u001b[31mkey");
    else if (word === "grease") await call(["grease-" + crypto.randomBytes(4).toString("hex"), "x"], crypto.randomBytes(100));
    else if (word === "secret") {
      if ((await call(["request-secret"], "PIN")).body.toString() !== "1234") await fail("wrong PIN");
    } else if (word === "public") await call(["request-public"], "serial number");
    else if (word === "confirm") {
      if ((await call(["confirm", b64("use it"), b64("skip it")], "use the key?")).args[1] !== "yes") await fail("not confirmed");
    } else if (word === "confirm1") await call(["confirm", b64("go on")], "plug it in");
    else if (word === "badconfirm") await call(["confirm", "!"], "x");
    else if (word === "internal") await call(["error", "internal"], "no device");
    else if (word === "nothing") await call(["error", "internal"]);
    else if (word === "die") process.exit(3);
    else if (word === "noise") { process.stdout.write("hello\nworld\n"); await receive(); }
    else if (word === "endless") process.stdout.write("x".repeat(3_000_000));
    else if (word === "hang") { process.on("SIGTERM", () => {}); send(["done"]); setInterval(() => {}, 1000); await new Promise(() => {}); }
  }
}
async function fail(message) {
  await call(["error", machine === "identity-v1" ? "identity" : "recipient", "0"], message);
  process.exit(1);
}

const machine = process.argv.find((arg) => arg.startsWith("--age-plugin="))?.slice("--age-plugin=".length);
async function main() {
  log("start " + machine + " in " + process.cwd());
  const stanzas = [];
  let owner, fileKey;
  for (;;) {
    const stanza = await receive();
    const [command, ...args] = stanza.args;
    if (command === "add-identity" || command === "add-recipient") owner = bytesOf(args[0]);
    else if (command === "recipient-stanza") stanzas.push({ args: args.slice(1), body: stanza.body });
    else if (command === "wrap-file-key") fileKey = stanza.body;
    else if (command === "done") break;
    else log("passed over: " + command.replace(/-.*/, ""));
  }
  const words = owner.subarray(32).toString().split(":");
  await besides(words);
  if (machine === "recipient-v1") {
    const { args, body } = wrap(owner.subarray(0, 32), fileKey);
    await call(["labels", "some"]);
    if (!words.includes("empty")) await call(["recipient-stanza", words.includes("index") ? "1" : "0", ...args], body);
  } else {
    const opened = stanzas.map((stanza) => unwrap(owner.subarray(0, 32), stanza)).find((bytes) => bytes !== null);
    if (opened !== undefined) {
      const body = words.includes("short") ? opened.subarray(0, 15) : opened;
      await call(["file-key", words.includes("index") ? "1" : "0"], body);
      if (words.includes("twice")) await call(["file-key", "0"], body);
    }
  }
  send(["done"]);
  log("done");
}
main();
`;
