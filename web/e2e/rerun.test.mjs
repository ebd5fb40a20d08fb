// Finished runs in the page: any moment of one, and two locked in time.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { browse, management, open, picture, root, violations } from "./system.mjs";

let folder, browser;
const running = [];

/** Serves runs, and gives the address. */
function view(...runs) {
  const program = spawn(management, ["view", "--port", "0", ...runs], { stdio: ["ignore", "pipe", "inherit"] });
  running.push(program);
  return new Promise((resolve, reject) => {
    program.once("exit", (code) => reject(new Error(`view ended with ${code}`)));
    program.stdout.on("data", (data) => {
      const url = /http:\S+/.exec(String(data))?.[0];
      if (url) resolve(url);
    });
  });
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "wharfinger-rerun-"));
  execFileSync(management, ["simulate", join(root, "tests/scenarios/small.json"), "--out", join(folder, "small"), "-q"]);
  execFileSync(management, ["compare", join(root, "tests/scenarios/small.json"), "--policies", "best-fit,first-fit-decreasing", "--seeds", "1", "--out", join(folder, "duel"), "-q"]);
  browser = await browse();
});

after(async () => {
  await browser?.close();
  for (const program of running) program.kill();
  rmSync(folder, { recursive: true, force: true });
});

const held = async (article) => Number(/now (\d+) %/.exec(await article.innerText())?.[1]);
const slide = (page, share) =>
  page.getByLabel("Moment of the run").evaluate((slider, to) => {
    slider.value = String(Number(slider.min) + to * (Number(slider.max) - Number(slider.min)));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }, share);

test("a run is shown at any moment of it, and plays", async () => {
  const page = await open(browser, await view(join(folder, "small")));
  const article = page.getByRole("article");
  await article.getByText("3 nodes").waitFor();
  await slide(page, 0.3);
  const early = await held(article);
  assert.ok(early > 0, `${early} % held`);
  await page.locator("canvas").focus();
  await page.keyboard.press("ArrowRight");
  await page.locator(".pointed").getByText("node-0: ready").waitFor();
  await page.keyboard.press("Shift+ArrowRight");
  await page.locator(".pointed").getByText(/core 0: task \S+ \d+ of job \S+ \(j\d+\), running/).waitFor();
  await page.selectOption("select >> nth=2", "state");
  await slide(page, 0.9);
  await page.locator("g.mark-policy").first().waitFor();
  await page.locator("g.mark-node").first().waitFor();
  await slide(page, 0.3);
  assert.equal(await held(article), early, "the same moment shows the same, whichever way one comes to it");
  assert.deepEqual(await violations(page), []);
  await picture(page, "rerun");
  const before = await page.getByLabel("Time of the run").innerText();
  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForFunction((before) => document.querySelector("output").innerText !== before, before);
  await page.getByRole("button", { name: "Pause" }).click();
  const stopped = await page.getByLabel("Time of the run").innerText();
  await page.waitForTimeout(300);
  assert.equal(await page.getByLabel("Time of the run").innerText(), stopped);
  assert.deepEqual(page.faults, []);
});

test("two runs stand beside each other at the same moment", async () => {
  const page = await open(browser, await view(join(folder, "duel/best-fit"), join(folder, "duel/first-fit-decreasing")));
  const [left, right] = [page.getByRole("article").first(), page.getByRole("article").last()];
  await left.getByText("policy best-fit").waitFor();
  await right.getByText("policy first-fit-decreasing").waitFor();
  await slide(page, 0.4);
  const [one, other] = await page.locator("figure .cursor").evaluateAll((lines) => [lines[0].getAttribute("x1"), lines.at(-1).getAttribute("x1")].map(Number));
  assert.ok(one > 100 && Math.abs(one - other) < 60, `${one} and ${other}`);
  assert.ok((await held(left)) > 0 && (await held(right)) > 0);
  assert.deepEqual(await violations(page), []);
  await picture(page, "duel");
  await page.setViewportSize({ width: 400, height: 800 });
  await page.waitForTimeout(300);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)) <= 0);
  assert.deepEqual(await violations(page), []);
  await picture(page, "narrow-duel");
  assert.deepEqual(page.faults, []);
});

test("only this host is answered, and a folder that is no run is named", async () => {
  const url = new URL(await view(join(folder, "small")));
  const status = await new Promise((resolve) => request({ host: url.hostname, port: url.port, path: "/v1/runs", headers: { host: "elsewhere.example" } }, (answer) => resolve(answer.statusCode)).end());
  assert.equal(status, 421);
  assert.equal((await fetch(new URL("v1/runs/7/cells", url))).status, 404);
  assert.throws(() => execFileSync(management, ["view", folder], { stdio: "pipe" }), /events.parquet/);
});
