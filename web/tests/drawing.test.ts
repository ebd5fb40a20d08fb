/** Places, densities, colours: what the map is made of. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Cluster } from "../src/cluster";
import { LENSES, distinct, legend, paint, pixel } from "../src/palette";
import { Raster, cells, density, layout } from "../src/raster";
import type { Frame } from "../src/wire";

const THEME = { ground: 1, free: 2, closed: 3, frame: 4, alarm: 5, ink: 6 };

function cluster(nodes: number, cores: number, heldOf: number): Cluster {
  const made = new Cluster();
  const frame: Frame = {
    anew: true, whole: true, seq: 1, time: 1e6, policy: "p", waiting: 0, placed: 0, freed: [],
    nodes: Array.from({ length: nodes }, (_, node) => ({
      node, name: `n${node}`, state: 1, forMs: 0, cordoned: false, suspect: false, cores: [[0, cores]] as const, numa: [], cache: [], memoryBytes: 1, labels: [],
    })),
    jobs: [{ job: 1, name: "<img src=x onerror=alert(1)>", class: "", priority: 50, submittedMs: 0, tasks: [["run", nodes]] as const }],
    held: Array.from({ length: heldOf }, (_, node) => ({ node, job: 1, instance: node, state: 3, cores: [[0, cores]] as const, forMs: 0, startedMs: 5_000, expectedMs: 0 })),
  };
  made.apply(frame);
  return made;
}

test("all tiles fit, and there could be no larger ones", () => {
  for (const [count, width, height] of [[1, 400, 300], [10, 1400, 800], [1_000, 1400, 800], [10_000, 1400, 800], [10_000, 380, 500]] as const) {
    const { columns, rows, pitch } = layout(count, width, height);
    assert.ok(columns * rows >= count && columns * pitch <= width && rows * pitch <= height, `${count}`);
    if (pitch < 320) assert.ok(Math.floor(width / (pitch + 1)) * Math.floor(height / (pitch + 1)) < count, `${count}: a larger tile fits`);
  }
  assert.equal(layout(0, 100, 100).columns, 1);
});

test("ten thousand nodes of 64 cores show each core as a pixel on a laptop's screen", () => {
  const { pitch } = layout(10_000, 1400, 800);
  assert.equal(cells(64, pitch - 1).size, 1);
});

test("a density shows something as soon as anything is used, and is full only when everything is", () => {
  assert.deepEqual([density(0, 64, 9), density(1, 64, 9), density(32, 64, 9), density(63, 64, 9), density(64, 64, 9)], [0, 1, 5, 8, 9]);
});

test("a tile is drawn in the colour of its holder, and only where it changed", () => {
  const of = cluster(4, 4, 1);
  const raster = new Raster(200, 200, THEME, "state");
  raster.arrange(of);
  const sight = { scale: 1, x: 0, y: 0 };
  raster.drawAll(of, sight);
  const running = pixel(paint("state", "running").colour);
  const count = (colour: number): number => raster.pixels.reduce((sum, known) => sum + (known === colour ? 1 : 0), 0);
  const held = count(running);
  assert.ok(held > 1000 && count(THEME.free) > 2 * held, `${held}`);
  const corner = raster.corner(0, sight);
  assert.ok(corner);
  const found = raster.at(corner.x + 10, corner.y + 30, sight);
  assert.deepEqual([found?.node.node, found?.core], [0, 0]);
  assert.equal(raster.at(corner.x + 300, 0, sight), null);
  of.apply({ anew: false, whole: false, seq: 2, time: 1e6, policy: "p", waiting: 0, placed: 0, nodes: [], jobs: [], held: [], freed: [{ node: 0, job: 1, instance: 0 }] });
  const node = of.nodes.get(0);
  assert.ok(node && raster.draw(of, node, sight));
  assert.equal(count(running), 0);
});

test("a node out of sight is not drawn", () => {
  const of = cluster(100, 64, 0);
  const raster = new Raster(300, 300, THEME, "job");
  raster.arrange(of);
  const far = { scale: 10, x: 0, y: 0 };
  const [first, last] = [of.nodes.get(0), of.nodes.get(99)];
  assert.ok(first && last);
  assert.deepEqual([raster.draw(of, first, far), raster.draw(of, last, far)], [true, false]);
  assert.ok(raster.inSight(far).length < 5);
});

test("the legend has the largest first, the rest as one, and user text as it is", () => {
  const entries = legend(cluster(3, 4, 2), "job", 10);
  assert.deepEqual(entries.map(({ name, cores }) => [name, cores]), [["<img src=x onerror=alert(1)> (j1)", 8]]);
  for (const lens of LENSES) assert.ok(legend(cluster(3, 4, 2), lens, 1).length === 1, lens);
  assert.equal(legend(cluster(3, 4, 2), "job", 0)[0]?.name, "1 others");
});

test("a job keeps its colour, and colours differ by more than colour", () => {
  assert.deepEqual(distinct("a"), distinct("a"));
  const paints = new Set(Array.from({ length: 40 }, (_, job) => JSON.stringify(paint("job", `job (j${1_000 + job})`))));
  assert.equal(paints.size, 40, "forty jobs in a row differ");
  assert.equal(pixel("#010203"), 0xff030201);
});
