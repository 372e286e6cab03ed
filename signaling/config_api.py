"""`GET /api/config`: what our page needs to know before a call, and what it tells the caller about this server."""

from __future__ import annotations

import json
from dataclasses import asdict

from aiohttp import web

from signaling.appkeys import SERVICES


def add_config_routes(app: web.Application) -> None:
    app.router.add_get("/api/config", get_config)


async def get_config(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    settings = services.settings
    body = {
        "agents": [
            {
                "name": agent.name,
                "title": agent.title,
                "summary": agent.summary,
                "language": agent.language,
                "intake": asdict(agent.intake),
            }
            for agent in services.agents.values()
        ],
        "default_agent": settings.server.default_agent,
        "engines": [
            {
                "port": engine.port,
                "engine": engine.engine,
                "target": engine.target,
                "model": engine.model,
                "remote": engine.is_remote,
                "fallback": engine.fallback,
            }
            for engine in services.engines.describe()
        ],
        "guests": settings.server.guests,
        "save": settings.storage.storage_save,
        "undecided_hours": settings.storage.storage_undecided_hours,
        "in_memory_s": settings.reports.window_s,
        "limits": {
            "max_call_s": settings.server.max_call_s,
            "max_event_bytes": settings.server.max_event_bytes,
            "idle_warning_s": settings.turns.idle_warning_s,
            "idle_end_s": settings.turns.idle_end_s,
            "briefing_line_chars": settings.agents.briefing_line_chars,
            "briefing_text_chars": settings.agents.briefing_text_chars,
            "briefing_max_minutes": settings.agents.briefing_max_minutes,
        },
    }
    return web.Response(text=json.dumps(body), content_type="application/json")
