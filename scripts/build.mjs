// Builds the package: the program as minified CommonJS in chunks (dist/cli), the library as plain ES modules with
// declarations (dist/lib), the manual page that the program prints (dist/man). CommonJS starts faster than ES modules, and chunks keep what a call does not use unread.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const { peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

await buildProgram(join(dist, "cli"));
buildLibrary(join(dist, "lib"));
buildManual(join(dist, "man"));

/** What `dec FILE` and git's textconv always need goes into one file: each one more costs as much as parsing 10 KB. */
async function buildProgram(dir) {
  const hot = new Set();
  const collectHot = {
    name: "collect-hot",
    buildEnd() {
      const visit = (id) => {
        if (hot.has(id)) return;
        hot.add(id);
        for (const imported of this.getModuleInfo(id)?.importedIds ?? []) visit(imported);
      };
      visit(join(root, "src/cli/main.ts"));
      // Loaded late for the sake of the standalone executable only.
      visit(join(root, "src/crypto/open-envelope.ts"));
    },
  };
  rmSync(dir, { recursive: true, force: true });
  const bundle = await rolldown({
    cwd: root,
    input: { enc: "src/cli/enc.ts", dec: "src/cli/dec.ts" },
    platform: "node",
    // Who has keys there installs them beside; the standalone executable brings them.
    external: Object.keys(peerDependencies),
    plugins: [collectHot],
    // Reads and writes with Node's own modules (src/cli/system.ts).
    transform: { define: { IS_STANDALONE: "false" } },
    resolve: {
      // The package's Node build is CommonJS, of which nothing can be left out.
      alias: { yaml: join(root, "node_modules/yaml/browser/dist/index.js") },
    },
  });
  await bundle.write({
    dir,
    format: "cjs",
    minify: true,
    entryFileNames: "[name].cjs",
    chunkFileNames: "chunks/[name]-[hash].cjs",
    codeSplitting: { groups: [{ name: "core", test: (id) => hot.has(id) }] },
  });
  await bundle.close();
  for (const name of ["enc.cjs", "dec.cjs"]) chmodSync(join(dir, name), 0o755);
}

function buildLibrary(dir) {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const project = join(dist, "tsconfig.lib.json");
  writeFileSync(
    project,
    JSON.stringify({
      extends: "../tsconfig.json",
      compilerOptions: { noEmit: false, declaration: true, stripInternal: true, rootDir: "../src", outDir: "lib" },
      include: [],
      files: ["../src/index.ts"],
    }),
  );
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { status } = spawnSync(process.execPath, [compiler, "-p", project], { stdio: "inherit" });
  rmSync(project);
  if (status !== 0) process.exit(1);
}

function buildManual(dir) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(dist, "cli/enc.cjs"), "help", "man"]);
  if (status !== 0) throw new Error(stderr.toString());
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "enc.1"), stdout);
  writeFileSync(join(dir, "dec.1"), ".so man1/enc.1\n");
}
