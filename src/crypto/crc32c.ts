let table: Uint32Array | null = null;

/**
 * The CRC-32C checksum (Castagnoli), as Cloud KMS has it beside keys and ciphertexts.
 * @returns 0 to 2^32 - 1
 *
 * Source: RFC 3720, 12.1 and B.4.
 */
export function crc32c(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0x82f63b78 : 0);
    return value;
  });
  let value = 0xffffffff;
  for (const byte of bytes) value = (value >>> 8) ^ (table[(value ^ byte) & 0xff] as number);
  return (value ^ 0xffffffff) >>> 0;
}
