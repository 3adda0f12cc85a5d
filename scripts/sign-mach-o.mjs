/**
 * Signs a program for macOS ad hoc, as the linker does: hashes of its pages, without anybody's name. Bun signs what it makes
 * for arm64, but what it makes for x64 keeps the signature of Bun itself, which no longer fits (version 1.4.5).
 *
 * Source: Apple's cs_blobs.h (xnu, osfmk/kern/cs_blobs.h) and mach-o/loader.h. Of a program for arm64 this gives the very
 * bytes that Bun gives, and scripts/build-standalone.mjs checks that it does.
 */
import { createHash } from "node:crypto";

const HEADER_BYTES = 32;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const CODE_DIRECTORY_BYTES = 88;
const SUPER_BLOB_BYTES = 20;
const PAGE_BYTES = 4096;
const IDENTIFIER = "a.out\0";

/**
 * @param {Buffer} program - a 64-bit Mach-O file with a signature at its end
 * @returns {Buffer} the same with another signature
 */
export function signAdHoc(program) {
  const { signature, text, linkEdit } = loadCommands(program);
  const codeBytes = program.readUInt32LE(signature + 8);
  const pages = Math.ceil(codeBytes / PAGE_BYTES);
  const hashesAt = CODE_DIRECTORY_BYTES + IDENTIFIER.length;
  const directoryBytes = hashesAt + pages * 32;
  const signatureBytes = SUPER_BLOB_BYTES + directoryBytes;

  const signed = Buffer.alloc(codeBytes + signatureBytes);
  program.copy(signed, 0, 0, codeBytes);
  // The commands are part of what is hashed. The segment that the signature ends grows or shrinks with it, in memory by pages.
  signed.writeUInt32LE(signatureBytes, signature + 12);
  const segmentBytes = BigInt(signed.length) - signed.readBigUInt64LE(linkEdit + 40);
  signed.writeBigUInt64LE(segmentBytes, linkEdit + 48);
  signed.writeBigUInt64LE(((segmentBytes + 4095n) / 4096n) * 4096n, linkEdit + 32);

  writeWords(signed, codeBytes, [0xfade0cc0, signatureBytes, 1, 0, SUPER_BLOB_BYTES]);
  const directory = codeBytes + SUPER_BLOB_BYTES;
  // Magic, length, version, flags (ad hoc, by the linker), places of hashes and identifier, special hashes, hashes, bytes.
  const fields = [0xfade0c02, directoryBytes, 0x20400, 0x20002, hashesAt, CODE_DIRECTORY_BYTES, 0, pages, codeBytes];
  writeWords(signed, directory, fields);
  // Bytes of a hash, SHA-256, no platform, pages of 2^12 bytes.
  signed.set([32, 2, 0, 12], directory + 36);
  // Size of the text segment, and that it is a main program.
  signed.writeBigUInt64BE(signed.readBigUInt64LE(text + 48), directory + 72);
  signed.writeBigUInt64BE(1n, directory + 80);
  signed.write(IDENTIFIER, directory + CODE_DIRECTORY_BYTES, "latin1");
  for (let page = 0; page < pages; page++) {
    const content = signed.subarray(page * PAGE_BYTES, Math.min((page + 1) * PAGE_BYTES, codeBytes));
    createHash("sha256")
      .update(content)
      .digest()
      .copy(signed, directory + hashesAt + page * 32);
  }
  return signed;
}

/** Places of the commands that matter here. */
function loadCommands(program) {
  if (program.readUInt32LE(0) !== 0xfeedfacf) throw new Error("this is no 64-bit Mach-O file");
  const found = {};
  let at = HEADER_BYTES;
  for (let i = program.readUInt32LE(16); i > 0; i--) {
    const kind = program.readUInt32LE(at);
    const name = program.toString("latin1", at + 8, at + 24).replace(/\0+$/, "");
    if (kind === LC_CODE_SIGNATURE) found.signature = at;
    else if (kind === LC_SEGMENT_64 && name === "__TEXT") found.text = at;
    else if (kind === LC_SEGMENT_64 && name === "__LINKEDIT") found.linkEdit = at;
    at += program.readUInt32LE(at + 4);
  }
  if (Object.keys(found).length !== 3) throw new Error("this Mach-O file has no signature to replace");
  return found;
}

/** Signatures are big-endian, unlike the file around them. */
function writeWords(buffer, at, words) {
  for (const [i, word] of words.entries()) buffer.writeUInt32BE(word, at + i * 4);
}
