"""Small servers that `bench_peers` compares, each run by the Python of its own virtual environment.

They know nothing of `voice_agent` (but for our own) and take no settings. The agent's speech, mono s16le at 24 kHz,
comes by standard input. A server prints its address when it is ready, answers `POST /offer` (SDP in, SDP out), and
ends with SIGTERM.

`media_*`   hear the caller at 16 kHz with a speech detector, and say the agent's speech over and over
`agent_*`   hold a conversation, with an OpenAI-compatible provider at OPENAI_BASE_URL
"""
