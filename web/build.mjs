// Bundles the page into dist/, which is committed; with --tests, the unit tests into out/tests/; with --check, compares a build with dist/.
import { build } from "esbuild";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const shared = { bundle: true, format: "esm", target: "es2022", charset: "utf8", legalComments: "none", logLevel: "warning" };

/** What the page consists of, by file name. */
async function page() {
  const jsx = { jsx: "automatic", jsxImportSource: "preact" };
  const built = await build({ ...shared, ...jsx, entryPoints: ["src/page.tsx", "src/page.css"], outdir: "dist", minify: true, write: false });
  const files = new Map(built.outputFiles.map((file) => [file.path.split("/").pop(), file.text]));
  for (const name of ["index.html", "icon.svg"]) files.set(name, readFileSync(join("src", name), "utf8"));
  return files;
}

async function tests() {
  rmSync("out/tests", { recursive: true, force: true });
  const entryPoints = readdirSync("tests").filter((name) => name.endsWith(".test.ts")).map((name) => join("tests", name));
  await build({ ...shared, entryPoints, outdir: "out/tests", outExtension: { ".js": ".mjs" }, platform: "node" });
}

if (process.argv.includes("--tests")) {
  await tests();
} else if (process.argv.includes("--check")) {
  const differing = [...(await page())].filter(([name, text]) => readFileSync(join("dist", name), "utf8") !== text).map(([name]) => name);
  if (differing.length > 0) {
    console.error(`dist/ is not what src/ builds: ${differing.join(", ")}; run \`cargo xtask web build\` and commit`);
    process.exit(1);
  }
} else {
  mkdirSync("dist", { recursive: true });
  for (const [name, text] of await page()) writeFileSync(join("dist", name), text);
}
