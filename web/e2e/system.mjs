// What the browser tests share: a system with its own ports and folder, a browser that keeps to itself, and the words of axe.
import { spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const PATIENCE_MS = 15_000;
export const root = new URL("../..", import.meta.url).pathname;
export const management = process.env.WHARFINGER_MANAGEMENT ?? join(root, "target/debug/management");
const worker = process.env.WHARFINGER_WORKER ?? join(root, "target/debug/worker");
/** Pictures for people to look at; git ignores them. */
export const pictures = join(root, "web/out/pictures");

/** Waits until something holds, and gives it. */
export async function eventually(what, ask) {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await Promise.resolve().then(ask).catch(() => undefined);
    if (found) return found;
    if (Date.now() > until) throw new Error(`not in ${PATIENCE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
    })),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** A system that can be killed and launched again. */
export class System {
  static async launch(options = [], environment = {}) {
    const system = new System();
    system.folder = mkdtempSync(join(tmpdir(), "wharfinger-page-"));
    system.ports = await freePorts(5);
    system.options = options;
    system.environment = environment;
    system.workers = [];
    await system.start();
    return system;
  }

  get url() {
    return `http://127.0.0.1:${this.ports[0]}/`;
  }

  async start() {
    const keys = ["FE__PORT", "JM__PORT", "GM__PORT", "GM__WORKER_PORT", "DC__PORT"];
    const ports = Object.fromEntries(keys.map((key, index) => [`WHARFINGER_${key}`, String(this.ports[index])]));
    const environment = { ...process.env, ...ports, ...this.environment };
    this.process = spawn(management, ["up", "--state", join(this.folder, "state"), ...this.options], { env: environment, cwd: this.folder, stdio: "ignore" });
    await eventually("the system is ready", async () => (await fetch(`${this.url}readyz`)).ok);
  }

  /** A worker whose tasks are real processes. */
  work(name, cores) {
    const at = ["--manager", `127.0.0.1:${this.ports[3]}`, "--discovery", `127.0.0.1:${this.ports[4]}`];
    const own = ["--name", name, "--cores", cores, "--memory", "256MiB", "--token-file", join(this.folder, "state/join-token"), "--state", join(this.folder, name)];
    this.workers.push(spawn(worker, [...own, ...at, "0.1"], { stdio: "ignore" }));
    return eventually(`${name} is ready`, async () => (await this.ask(`v1/nodes/${name}`)).state === "ready");
  }

  async ask(path, { body, method = body === undefined ? "GET" : "POST", token } = {}) {
    const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const response = await fetch(this.url + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** Submits a job of one task, or of those given. */
  async submit(name, more = {}) {
    const task = { kind: "container", command: ["/bin/sh", "-c", "sleep 60"], resources: { cores: 1, memory: "16m" }, ...more.task };
    const { task: _, ...fields } = more;
    return (await this.ask("v1/jobs", { body: { name, tasks: { work: task }, ...fields } })).id;
  }

  kill() {
    this.process.kill("SIGKILL");
    return new Promise((resolve) => (this.process.exitCode ?? this.process.signalCode) !== null ? resolve() : this.process.once("exit", resolve));
  }

  async stop() {
    for (const one of this.workers) one.kill("SIGTERM");
    await Promise.all(this.workers.map((one) => (one.exitCode ?? one.signalCode) !== null || new Promise((resolve) => one.once("exit", resolve))));
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A browser that asks no host but the system. */
export function browse() {
  const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({ executablePath: process.env.WHARFINGER_CHROMIUM ?? "/usr/bin/chromium", args: ["--headless", "--no-sandbox", ...quiet] });
}

/** A page of the system, with all that it complains of. */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && !/Failed to load resource/.test(message.text()) && page.faults.push(message.text()));
  page.on("request", (request) => !request.url().startsWith(url.split("#")[0].replace(/\/$/, "")) && page.faults.push(`asked ${request.url()}`));
  page.setDefaultTimeout(PATIENCE_MS);
  if (process.env.WHARFINGER_PAGE) await replaceFiles(page, process.env.WHARFINGER_PAGE);
  await page.goto(url);
  return page;
}

/** While the page is worked on: the files of a folder in place of those that the program has, with the headers that it sends. */
async function replaceFiles(page, folder) {
  const file = (url) => join(folder, url.pathname === "/" ? "index.html" : url.pathname.split("/").pop());
  await page.route((url) => url.pathname === "/" || url.pathname.startsWith("/assets/"), async (route) => {
    const url = new URL(route.request().url());
    const response = await route.fetch({ url: url.pathname === "/" ? url.href : `${url.origin}/` });
    const type = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", html: "text/html" }[file(url).match(/\.\w+$/)[0].replace(".html", "html")];
    await route.fulfill({ headers: { ...response.headers(), "content-type": type }, body: readFileSync(file(url), "utf8") });
  });
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds wrong with the page as it is, in short. The browser's debugger puts it there, which the page's policy does not bind. */
export async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ["violations"] })).violations);
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join(" | ")}`);
}

/** Keeps a picture of the page. */
export async function picture(page, name) {
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}
