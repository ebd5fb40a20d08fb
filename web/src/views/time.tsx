/** Figures over time, with marks where the policy was switched or something happened to a node. */

import type { JSX } from "preact";

import type { Mark } from "../cluster";
import { count, moment, rate, share, span } from "../quantity";
import type { Sample } from "../series";
import { Empty } from "./parts";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [640, 150, 64, 22, 10];

interface Line {
  name: string;
  dashed?: boolean;
  of: (sample: Sample) => number | null;
}

interface Chart {
  title: string;
  show: (value: number) => string;
  most?: number;
  lines: Line[];
}

const CHARTS: Chart[] = [
  { title: "Cores held", show: share, most: 1, lines: [{ name: "held", of: (sample) => sample.utilisation }] },
  { title: "Tasks waiting for a place", show: count, lines: [{ name: "waiting", of: (sample) => sample.waiting }] },
  {
    title: "Wait of tasks that began within the minute before",
    show: (value) => span(value * 1000),
    lines: [
      { name: "median", of: (sample) => sample.p50 },
      { name: "95th percentile", dashed: true, of: (sample) => sample.p95 },
    ],
  },
  { title: "Placements", show: rate, lines: [{ name: "placements", of: (sample) => sample.placements }] },
];

/** The path of a line; where nothing is known it breaks off. */
export function path(points: readonly (readonly [number, number | null])[]): string {
  let [text, pen] = ["", "M"];
  for (const [x, y] of points) {
    if (y === null) {
      pen = "M";
      continue;
    }
    text += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  }
  return text;
}

interface TimeProps {
  samples: readonly Sample[];
  marks: readonly Mark[];
  /** The moment that is shown elsewhere. */
  cursor?: number;
  title?: string;
}

export function TimeView({ samples, marks, cursor, title = "Over time" }: TimeProps): JSX.Element {
  const [first, last] = [samples[0], samples.at(-1)];
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {!first || !last || samples.length < 2 ? (
        <Empty>
          <strong>Nothing to draw yet.</strong> There is a sample a second from now on.
        </Empty>
      ) : (
        <>
          <p>
            From {moment(first.time)} to {moment(last.time)}. <span class="mark-policy">▲ policy switched</span> <span class="mark-node">◆ a node changed</span>
          </p>
          <div class="charts">
            {CHARTS.map((chart) => (
              <Plot key={chart.title} chart={chart} samples={samples} marks={marks} first={first.time} last={last.time} cursor={cursor} />
            ))}
          </div>
          <details>
            <summary>Marks as a list</summary>
            <ol class="plain">
              {[...marks].reverse().map((mark) => (
                <li key={`${mark.time} ${mark.text}`}>
                  {moment(mark.time)} {mark.text}
                </li>
              ))}
            </ol>
          </details>
        </>
      )}
    </section>
  );
}

interface PlotProps {
  chart: Chart;
  samples: readonly Sample[];
  marks: readonly Mark[];
  first: number;
  last: number;
  cursor: number | undefined;
}

function Plot({ chart, samples, marks, first, last, cursor }: PlotProps): JSX.Element {
  const values = chart.lines.flatMap((line) => samples.map(line.of)).filter((value) => value !== null);
  const most = chart.most ?? Math.max(1e-9, ...values) * 1.05;
  const x = (time: number): number => LEFT + ((time - first) / Math.max(1, last - first)) * (WIDTH - LEFT - 8);
  const y = (value: number): number => TOP + (1 - value / most) * (HEIGHT - TOP - BOTTOM);
  const latest = chart.lines.map((line) => ({ name: line.name, value: [...samples].reverse().map(line.of).find((value) => value !== null) ?? null }));
  const words = latest.map(({ name, value }) => `${name} ${value === null ? "not known" : chart.show(value)}`).join(", ");
  const inside = marks.filter((mark) => mark.time >= first && mark.time <= last);
  return (
    <figure>
      <figcaption>
        {chart.title}: <b>{words}</b>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${chart.title}, now ${words}, at most ${chart.show(Math.max(0, ...values))}`}>
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line class="grid" x1={LEFT} x2={WIDTH - 8} y1={y(part * most)} y2={y(part * most)} />
            <text class="tick" x={LEFT - 6} y={y(part * most) + 4} text-anchor="end">
              {chart.show(part * most)}
            </text>
          </g>
        ))}
        <text class="tick" x={LEFT} y={HEIGHT - 5}>
          {moment(first)}
        </text>
        <text class="tick" x={WIDTH - 8} y={HEIGHT - 5} text-anchor="end">
          {moment(last)}
        </text>
        {inside.map((mark, number) => (
          <g key={`${mark.time} ${number}`} class={`mark-${mark.kind}`}>
            <title>{`${moment(mark.time)} ${mark.text}`}</title>
            <line x1={x(mark.time)} x2={x(mark.time)} y1={TOP} y2={HEIGHT - BOTTOM} />
            <text x={x(mark.time)} y={TOP} text-anchor="middle">
              {mark.kind === "policy" ? "▲" : "◆"}
            </text>
          </g>
        ))}
        {chart.lines.map((line) => (
          <path
            key={line.name}
            class={line.dashed ? "line dashed" : "line"}
            d={path(
              samples.map((sample) => {
                const value = line.of(sample);
                return [x(sample.time), value === null ? null : y(value)] as const;
              }),
            )}
          />
        ))}
        {cursor !== undefined && <line class="cursor" x1={x(cursor)} x2={x(cursor)} y1={TOP} y2={HEIGHT - BOTTOM} />}
      </svg>
    </figure>
  );
}
