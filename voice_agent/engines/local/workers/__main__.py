"""Entry of a worker process. Apart from `host`, so that engines and the loop share one copy of its classes."""

from voice_agent.engines.local.workers.host import main

main()
