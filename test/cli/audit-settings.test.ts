import { expect, it } from "vitest";
import { parseAuditSettings } from "../../src/cli/audit-settings.ts";

function parse(text: string) {
  return parseAuditSettings(text, "audit.yaml", "me");
}

function parseString(connection: string) {
  const text = JSON.stringify({ backends: { postgres: [{ connection_string: connection }] } });
  return parse(text)[0];
}

const defaults = {
  host: "localhost",
  port: 5432,
  user: "me",
  password: "",
  database: "me",
  tls: { mode: "require", authorities: "", certificate: "", key: "" },
  connectSeconds: 10,
  options: "",
};
const disabled = { ...defaults.tls, mode: "disable" };

it.each([
  ["postgres://", defaults],
  ["postgresql://u@h", { ...defaults, host: "h", user: "u", database: "u" }],
  [
    "postgres://u:p%40%2F%3A@h:1/d%20b?sslmode=disable&connect_timeout=3&options=-c%20a%3Db",
    {
      ...defaults,
      host: "h",
      port: 1,
      user: "u",
      password: "p@/:",
      database: "d b",
      tls: disabled,
      connectSeconds: 3,
      options: "-c a=b",
    },
  ],
  ["postgres://[::1]:7/", { ...defaults, host: "::1", port: 7 }],
  ["postgres:///d?host=/run/pg&user=u", { ...defaults, host: "/run/pg", user: "u", database: "d", tls: disabled }],
  ["user = u password='it''", null],
  [
    "user = u  password='a b\\'c\\\\' host=h",
    { ...defaults, user: "u", database: "u", host: "h", password: "a b'c\\" },
  ],
  ["password=a\\ b dbname=''", { ...defaults, password: "a b" }],
  [
    "sslmode=verify-full sslrootcert=/ca sslcert=/c sslkey=/k application_name=x fallback_application_name=y",
    { ...defaults, tls: { mode: "verify-full", authorities: "/ca", certificate: "/c", key: "/k" } },
  ],
  ["host", null],
  ["postgres://h:99999999/", null],
  ["postgres://%", null],
])("connection string %s", (string, expected) => {
  if (expected === null) expect(() => parseString(string)).toThrow("connection_string 1 is malformed");
  else expect(parseString(string)).toEqual(expected);
});

it.each([
  ["sslmode=prefer", "sslmode of connection_string 1 is none of disable, require, verify-ca, verify-full"],
  ["port=0", "port of connection_string 1 is not a number of its kind"],
  ["connect_timeout=soon", "connect_timeout of connection_string 1 is not"],
  ["search_path=x", 'connection_string 1 has the parameter "search_path", which is not supported'],
  ["password=geheim x=geheim", 'has the parameter "x"'],
])("%s is refused", (string, message) => {
  expect(() => parseString(string)).toThrow(message);
  expect(() => parseString(string)).not.toThrow("geheim");
});

it.each([
  ["a: [geheim", "audit.yaml: it is not YAML (line 1)"],
  ["geheim", "the file is not a mapping"],
  ["backend: {}", 'the file has the unknown key "backend"'],
  ["backends: {mysql: []}", 'backends has the unknown key "mysql"'],
  ["backends: []", "backends is not a mapping"],
  ["backends: {postgres: {}}", "postgres is not a list"],
  ["backends: {postgres: [geheim]}", "postgres is not a mapping"],
  ["backends: {postgres: [{connection: geheim}]}", 'postgres has the unknown key "connection"'],
  ["backends: {postgres: [{connection_string: 1}]}", "connection_string 1 is not a text"],
  ["backends: {postgres: [{}]}", "connection_string 1 is not a text"],
])("settings %s are refused", (text, message) => {
  expect(() => parse(text)).toThrow(message);
  expect(() => parse(text)).not.toThrow("geheim");
});

it.each(["", "# nothing\n", "backends:\n", "backends: {postgres: }\n", "\uFEFFbackends: {}\n"])(
  "no database in %j",
  (text) => {
    expect(parse(text)).toEqual([]);
  },
);
