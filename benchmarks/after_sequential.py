"""What each rule over verdicts chooses after a sequential budget, whose ruled-out candidates missed the later tests.

usage: python benchmarks/after_sequential.py [RUN...] [--simulate table2|codegen] [--share 0.4] [--problems 300]

Each reply is a unit test. The budget is a share of all replies, spent in rounds as `coderm run` does. The columns: had
every candidate run on the tests that were asked for; choosing among all candidates, cells that did not run filled in
(how `coderm.reward.votes` fills them); choosing among those in the race to the end, as `coderm rank` does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rounds import spend
from scaling import SIMULATED

from coderm.matrix import RewardMatrix
from coderm.records import Verdict
from coderm.reward import SELECTORS, Context, accuracy
from coderm.reward.evaluate import choosable
from coderm.runs import Run
from coderm.scale.from_run import recorded_problems
from coderm.scale.live import ROUNDS
from coderm.scale.recorded import side_by_side
from coderm.scale.simulate import simulate

RULES = ("majority", "variance", "codet", "b4", "mbr-exec", "mbr-exec-soft")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*")
    parser.add_argument("--simulate", choices=SIMULATED, action="append", default=[])
    parser.add_argument("--share", type=float, default=0.4)
    parser.add_argument("--problems", type=int, default=300)
    args = parser.parse_args()
    sources = {path: recorded_problems(Run(Path(path))) for path in args.runs}
    sources |= {f"simulated {name}": simulate(SIMULATED[name], args.problems, 100, 100, 5) for name in args.simulate}
    for name, problems in sources.items():
        replies = side_by_side([p for p in problems if len(p.correct) and p.replies], "majority")
        replies = replies.shuffled(np.random.default_rng(0))
        whole = int((replies.present.sum(axis=1) * replies.limit).sum())
        ran, alive, _ = spend(replies, int(args.share * replies.limit.sum()), ROUNDS)
        held = ran.any(axis=1).sum(axis=1)
        found = {rule: np.zeros((len(ran), 3)) for rule in RULES}
        for i in range(len(ran)):
            n = int(replies.present[i].sum())
            usable = np.flatnonzero(replies.pairs[i, : held[i]] > 0)
            codes = np.where(replies.votes[i, :n][:, usable] > 0, Verdict.PASS, Verdict.FAIL)
            full = RewardMatrix.from_verdicts(codes)
            part = RewardMatrix.from_verdicts(np.where(ran[i, :n][:, usable], codes, Verdict.NOT_RUN))
            labels, race = replies.correct[i, :n], Context(survivors=alive[i, :n])
            for rule in RULES:
                scores = SELECTORS[rule](part, race)
                found[rule][i] = [accuracy(SELECTORS[rule](full, race), labels), accuracy(scores, labels),
                                  accuracy(choosable(scores, race), labels)]
        print(f"{name}: {len(ran)} problems, {args.share:.0%} of the tests, {ran.sum() / whole:.0%} of the pairs")
        print(f"{'':16}{'all ran':>10}{'filled in':>11}{'in the race':>13}")
        for rule, values in found.items():
            all_ran, filled, race_only = 100 * values.mean(axis=0)
            print(f"{rule:<16}{all_ran:>10.1f}{filled:>11.1f}{race_only:>13.1f}")


if __name__ == "__main__":
    main()
