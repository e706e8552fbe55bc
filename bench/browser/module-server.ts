/** Serves this repository's TypeScript to a browser on this machine: types stripped, packages by an import map, nothing built. */
import { createServer, type Server } from "node:http";
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const TYPES: Readonly<Record<string, string>> = { ".ts": "text/javascript", ".js": "text/javascript", ".mjs": "text/javascript", ".html": "text/html" };
/** What a page may ask for; nothing else of the file system is served. */
const SERVED = /^(src|runtime|translator|bench\/browser|bench\/out|test\/guests|node_modules\/(acorn|astring)\/dist)\//;

async function respond(path: string): Promise<{ type: string; body: string | Buffer } | undefined> {
  const relative = normalize(path).replace(/^\/+/, "");
  if (!SERVED.test(relative)) return undefined;
  const type = TYPES[extname(relative)] ?? "application/octet-stream";
  try {
    const bytes = await readFile(join(ROOT, relative));
    return { type, body: relative.endsWith(".ts") ? stripTypeScriptTypes(bytes.toString("utf8")) : bytes };
  } catch {
    return undefined;
  }
}

/** Listens on a free port of the loopback interface; `close` ends it. */
export async function serveModules(): Promise<{ origin: string; close: () => void }> {
  const server: Server = createServer((request, response) => {
    void respond(new URL(request.url ?? "/", "http://localhost").pathname).then((found) => {
      response.writeHead(found === undefined ? 404 : 200, { "content-type": found?.type ?? "text/plain" });
      response.end(found?.body ?? "");
    });
  });
  const { promise, resolve } = Promise.withResolvers<undefined>();
  server.listen(0, "127.0.0.1", () => { resolve(undefined); });
  await promise;
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => { server.close(); server.closeAllConnections(); } };
}
