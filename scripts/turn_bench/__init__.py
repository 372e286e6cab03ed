"""The parts of `scripts.bench_turns`: a synthetic corpus, whole calls on simulated time, and what is measured."""
