import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };

/** Every package has its reason in CONTRIBUTING.md. The one of our own is what has the Buns. */
it("every dependency has a row in the table of dependencies", () => {
  const rows = readFileSync("CONTRIBUTING.md", "utf8").matchAll(/^\| (`[^|]*)\|/gm);
  const known = [...rows].flatMap(([, cell = ""]) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  const packages = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(packages.filter((name) => name !== "keyleaf-bun" && !known.includes(name))).toEqual([]);
});
