"""How `bench_peers` measures: environments, processes, media and dialogues. The servers are in `scripts/peers`."""
