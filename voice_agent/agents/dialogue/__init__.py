"""The scripted dialogue engine: a useful conversation with no language model at all."""
