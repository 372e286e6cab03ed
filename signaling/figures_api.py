"""Figures over many calls: a caller's own trends."""

from __future__ import annotations

from aiohttp import web

from signaling.appkeys import SERVICES
from signaling.auth import bearer_token
from signaling.stored_calls_api import after_calls, answered
from voice_agent.reports.trends import trends


def add_figure_routes(app: web.Application) -> None:
    app.router.add_get("/v1/progress", get_progress)


async def get_progress(request: web.Request) -> web.Response:
    """Of the key's saved calls, of one agent where the query names it."""
    services = request.app[SERVICES]
    identity = await services.authenticator.identify_key(bearer_token(request))
    assert identity.key_id is not None
    saved = await after_calls(request).reports.saved_measures(
        key_id=identity.key_id,
        agent=request.query.get("agent"),
        limit=services.settings.reports.progress_calls,
    )
    found = [trend.model_dump(mode="json") for trend in trends(saved)]
    return answered({"object": "progress", "calls": len(saved), "trends": found})
