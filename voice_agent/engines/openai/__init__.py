"""Adapters for services that speak OpenAI's HTTP and WebSocket API (OpenAI, Groq, vLLM, llama.cpp, Ollama, …).

Each module translates one port and nothing else: deadlines, retry, fallback and caching are wrappers around it.
The `openai` package takes most of a second to import, so it is imported when the first client is made.
"""
