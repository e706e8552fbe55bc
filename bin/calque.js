#!/usr/bin/env node
// Starts calque under a Node that is new enough: this one, or the package's own (the npm package "node").
// Plain JavaScript that old Nodes understand.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import * as modules from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const NEEDED = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isRepository = existsSync(join(root, "src/cli/main.ts"));
// Node does not strip types below node_modules, so a packed package brings its compiled form.
const main = join(root, isRepository ? "src/cli/main.ts" : "dist/src/cli/main.js");

/** The Node of the npm package "node", or undefined. */
function ownNode() {
  try {
    const manifest = modules.createRequire(import.meta.url).resolve("node/package.json");
    const { bin } = JSON.parse(readFileSync(manifest, "utf8"));
    const path = join(dirname(manifest), typeof bin === "string" ? bin : bin.node);
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

function runUnder(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  // The terminal sends its signals to both; the child decides. Others are handed on.
  for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"]) process.on(signal, () => { if (signal !== "SIGINT") child.kill(signal); });
  child.on("error", (error) => { console.error(`calque: ${node}: ${error.message}`); process.exit(2); });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

if (Number(process.versions.node.split(".")[0]) >= NEEDED) {
  modules.enableCompileCache?.(); // starting takes a third
  await import(pathToFileURL(main).href);
} else {
  const node = ownNode();
  if (node === undefined) {
    const cure = isRepository
      ? 'run "npm install" here without --ignore-scripts, which brings one'
      : 'use a newer Node, or "npm install node@24" beside calque, which it then finds';
    console.error(`calque: needs Node ${NEEDED} or later, this is ${process.version}; ${cure}`);
    process.exit(2);
  }
  runUnder(node);
}
