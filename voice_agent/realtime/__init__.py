"""The wire protocol (OpenAI Realtime) as pure data and ordering.

Client events are parsed and validated here, server events are built and put in order. Nothing in here awaits,
reads a clock or knows a socket: what happened is told by method calls, what to send goes to an `emit` callable.
"""
