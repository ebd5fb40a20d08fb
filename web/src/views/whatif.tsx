/** What another policy would do now, tried on a copy of the present state. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { Forecast, WhatIf } from "../api";
import { Problem, post } from "../api";
import { count, share, span } from "../quantity";
import { Empty, Trouble } from "./parts";

const POLICIES = ["first-fit", "best-fit", "first-fit-decreasing", "best-fit-decreasing", "l2", "priority"];
const ADMISSIONS = ["strict", "skip", "easy", "conservative"];

interface Figure {
  name: string;
  of: (run: Forecast) => number;
  show: (value: number) => string;
  /** Less of it is better. */
  less: boolean;
}

const FIGURES: Figure[] = [
  { name: "Jobs that end well", of: (run) => run.completed, show: count, less: false },
  { name: "Jobs that end otherwise", of: (run) => run.failed, show: count, less: true },
  { name: "Mean wait", of: (run) => run.wait_mean_s, show: (value) => span(value * 1000), less: true },
  { name: "95 of 100 wait at most", of: (run) => run.wait_p95_s, show: (value) => span(value * 1000), less: true },
  { name: "From the first submission to the last end", of: (run) => run.makespan_s, show: (value) => span(value * 1000), less: true },
  { name: "Cores held on average", of: (run) => run.utilisation, show: share, less: false },
];

/** How one figure compares: in words, with a sign. */
export function verdict(figure: Pick<Figure, "less">, present: number, proposed: number): string {
  if (present === proposed) return "= the same";
  const better = proposed < present === figure.less;
  const change = present === 0 ? "" : ` by ${share(Math.abs(proposed - present) / Math.abs(present))}`;
  return `${better ? "▲ better" : "▼ worse"}${change}`;
}

export function WhatIfView({ policy }: { policy: string }): JSX.Element {
  const [name, setName] = useState("l2");
  const [admission, setAdmission] = useState("skip");
  const [answer, setAnswer] = useState<WhatIf | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asking, setAsking] = useState(false);
  const ask = async (): Promise<void> => {
    setAsking(true);
    setProblem(null);
    try {
      setAnswer(await post<WhatIf>("v1/whatif", { policy: { name, admission } }));
    } catch (error) {
      setAnswer(null);
      setProblem(error instanceof Problem ? error : Problem.unreachable());
    }
    setAsking(false);
  };
  return (
    <section aria-labelledby="whatif-name">
      <h2 id="whatif-name">What if</h2>
      <p>
        The present state (nodes, what runs with its expected ends, the queue) is copied into the simulator and run forward until every job has ended: under the policy in force, <b>{policy}</b>, and under another. The cluster is not touched.
      </p>
      <div class="row tools">
        <label>
          Policy{" "}
          <select value={name} onChange={(event) => setName(event.currentTarget.value)}>
            {POLICIES.map((word) => (
              <option key={word}>{word}</option>
            ))}
          </select>
        </label>
        <label>
          Behind one that waits{" "}
          <select value={admission} onChange={(event) => setAdmission(event.currentTarget.value)}>
            {ADMISSIONS.map((word) => (
              <option key={word}>{word}</option>
            ))}
          </select>
        </label>
        <button type="button" class="main" disabled={asking} onClick={() => void ask()}>
          {asking ? "Running …" : "Try it"}
        </button>
      </div>
      {problem && <Trouble problem={problem} />}
      {!answer && !problem && <Empty>Choose a policy and try it; an answer takes up to 20 s on a large cluster.</Empty>}
      {answer && (
        <>
          <div class="scroll" tabIndex={0} role="region" aria-label="Answer">
            <table>
              <thead>
                <tr>
                  <th scope="col">Figure</th>
                  <th scope="col">{answer.present.policy} (in force)</th>
                  <th scope="col">{answer.proposed.policy}</th>
                  <th scope="col">Compared</th>
                </tr>
              </thead>
              <tbody>
                {FIGURES.map((figure) => (
                  <tr key={figure.name}>
                    <th scope="row">{figure.name}</th>
                    <td>{figure.show(figure.of(answer.present))}</td>
                    <td>{figure.show(figure.of(answer.proposed))}</td>
                    <td>{verdict(figure, figure.of(answer.present), figure.of(answer.proposed))}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {(answer.present.partial || answer.proposed.partial) && <p class="notice">A run was cut off after its time: its figures are those of a part.</p>}
          <p>
            <small>
              state {answer.state_hash.slice(0, 12)}, runs {answer.present.journal_hash.slice(0, 12)} and {answer.proposed.journal_hash.slice(0, 12)}: equal hashes, equal runs
            </small>
          </p>
        </>
      )}
    </section>
  );
}
