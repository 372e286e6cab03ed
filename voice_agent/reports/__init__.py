"""Reports of calls that have ended: puts the transcript, the agent's facts and the figures together."""
