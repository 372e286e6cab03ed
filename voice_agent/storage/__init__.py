"""The only room that speaks SQL or Redis: text and numbers of calls, keys, tickets, client secrets. Never audio."""
