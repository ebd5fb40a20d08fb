/** Figures over time, their units, and the graph of a job. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { columns } from "../src/graph";
import { cpuset, memory, share, span } from "../src/quantity";
import { Series, percentile } from "../src/series";

test("percentiles are nearest-rank", () => {
  const values = [5, 1, 4, 2, 3];
  assert.deepEqual([percentile(values, 50), percentile(values, 95), percentile(values, 1), percentile([], 50)], [3, 5, 1, null]);
});

test("a series samples at its pitch, forgets old waits, and stays bounded with its whole span in sight", () => {
  const series = new Series(100, 1_000);
  for (let time = 0; time <= 400_000; time += 250) {
    series.take({ time, cores: 10, used: 5, waiting: 3, placed: time / 100, waits: time === 1_000 ? [7] : [] });
  }
  assert.ok(series.samples.length <= 100 && series.samples.length > 40, `${series.samples.length}`);
  const [first, last] = [series.samples[0], series.samples.at(-1)];
  assert.ok(first && last && first.time < 10_000 && last.time > 390_000);
  assert.deepEqual([last.utilisation, last.waiting, Math.round(last.placements), last.p50], [0.5, 3, 10, null]);
  assert.equal(first.p50 ?? series.samples[1]?.p50, 7);
});

test("a series begins with what the server has kept, and later takes of it only what it missed", () => {
  const past = (time: number, placed: number) => ({ time, cores: 4, used: 2, waiting: 1, placed, p50: 3, p95: 9 });
  const series = new Series(100, 1_000);
  series.catchUp([past(5_000, 10), past(10_000, 20)]);
  series.take({ time: 11_000, cores: 4, used: 4, waiting: 0, placed: 23, waits: [7] });
  series.catchUp([past(10_000, 20), past(15_000, 31)]);
  const told = series.samples.map(({ time, utilisation, placements, p50 }) => [time / 1000, utilisation, placements, p50]);
  assert.deepEqual(told, [[5, 0.5, 0, 3], [10, 0.5, 2, 3], [11, 1, 3, 7], [15, 0.5, 2, 3]]);
});

test("numbers have units", () => {
  assert.deepEqual([span(1_500), span(90_000), span(3_700_000), span(90_000_000)], ["1.5 s", "90 s", "61 min 40 s", "25 h 0 min"]);
  assert.deepEqual([memory(0), memory(1536), memory(2 ** 40)], ["0 B", "1.5 KiB", "1.0 TiB"]);
  assert.deepEqual([share(0), share(0.031), share(0.5)], ["0 %", "3.1 %", "50 %"]);
  assert.equal(cpuset([0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
});

test("what waits for another stands to the right of it", () => {
  const placed = columns(new Map([["end", ["left", "right"]], ["left", ["begin"]], ["right", ["begin"]], ["begin", []]]));
  const column = Object.fromEntries(placed.map(({ name, column }) => [name, column]));
  assert.deepEqual(column, { begin: 0, left: 1, right: 1, end: 2 });
  const rows = placed.filter(({ column }) => column === 1).map(({ row }) => row);
  assert.deepEqual(rows.sort(), [0, 1]);
  assert.equal(columns(new Map([["one", ["other"]], ["other", ["one"]]])).length, 2);
});
