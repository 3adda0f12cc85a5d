// The files that are measured: texts of 30 characters, in services of ten values each where the format has levels.

/** @returns a file of `count` values. */
export function text(format, count) {
  return { yaml, json, dotenv }[format](count);
}

/** The ending of the file's name, which says the format to every program. */
export function extension(format) {
  return format === "dotenv" ? "env" : format;
}

function yaml(count) {
  const line = (i) => `${i % 10 === 0 ? `service_${i / 10}:\n` : ""}    key_${i % 10}: ${value(i)}\n`;
  return Array.from({ length: count }, (_, i) => line(i)).join("");
}

function json(count) {
  const services = {};
  for (let i = 0; i < count; i++) {
    services[`service_${Math.floor(i / 10)}`] ??= {};
    services[`service_${Math.floor(i / 10)}`][`key_${i % 10}`] = value(i);
  }
  return `${JSON.stringify(services, null, 2)}\n`;
}

function dotenv(count) {
  return Array.from({ length: count }, (_, i) => `KEY_${i}=${value(i)}\n`).join("");
}

function value(i) {
  return `value-${((i + 1) * 2654435761).toString(16).padStart(24, "0")}`;
}
