"""Figures over many calls: a caller's own trends, and an operator's view of the helpdesk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aiohttp import web

from signaling.appkeys import SERVICES
from signaling.auth import bearer_token
from signaling.operators import operator
from signaling.stored_calls_api import after_calls, answered, whole_number
from voice_agent.analytics.helpdesk import REPEAT, helpdesk_figures
from voice_agent.analytics.trends import trends


def add_figure_routes(app: web.Application) -> None:
    app.router.add_get("/v1/progress", get_progress)
    app.router.add_get("/v1/helpdesk/figures", get_helpdesk_figures)


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


async def get_helpdesk_figures(request: web.Request) -> web.Response:
    """Of the last `days` days."""
    await operator(request)
    settings = request.app[SERVICES].settings.reports
    days = whole_number(request, "days", default=settings.figures_days, least=1, most=settings.figures_max_days)
    until = datetime.now(UTC)
    since = until - timedelta(days=days)
    store = after_calls(request).figures
    calls = await store.helpdesk_calls(since - REPEAT, until)
    tickets = await store.tickets(since, until)
    figures = helpdesk_figures(calls, tickets, since, until, until)
    return answered({"object": "helpdesk.figures", **figures.model_dump(mode="json")})
