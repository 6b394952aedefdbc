"""Training data for a unit test generator: the pipeline of Ma et al. 2025, §3.1, a step a file.

    source -> testable -> reformat -> decontaminate -> sample -> label -> repair -> weak -> quality -> select -> export
    problems are read, judged, rewritten and kept apart from benchmarks, unit tests sampled, run, repaired, measured
    against a weaker model's solutions, and chosen

Every stage appends one line an item to its own file in the run directory and records what it dropped and why;
`funnel.py` adds it all up. Nothing that a model wrote is executed outside the engine.
"""
