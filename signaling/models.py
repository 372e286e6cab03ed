"""`GET /v1/models`: the agents, as an OpenAI client lists models."""

from __future__ import annotations

import json

from aiohttp import web

from signaling.appkeys import SERVICES
from signaling.auth import bearer_token
from signaling.errors import ApiError
from voice_agent.agents.base import Agent

_OWNER = "voice-agent"


def add_model_routes(app: web.Application) -> None:
    app.router.add_get("/v1/models", list_models)
    app.router.add_get("/v1/models/{model}", get_model)


async def list_models(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    await services.authenticator.identify_key(bearer_token(request))
    return _json({"object": "list", "data": [_model(agent) for agent in services.agents.values()]})


async def get_model(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    await services.authenticator.identify_key(bearer_token(request))
    agent = services.agents.get(request.match_info["model"])
    if agent is None:
        raise ApiError(404, "model_not_found", "There is no such model.", param="model")
    return _json(_model(agent))


def _model(agent: Agent) -> dict[str, object]:
    """`created` belongs to the shape; an agent has no date of its own."""
    return {
        "id": agent.name,
        "object": "model",
        "created": 0,
        "owned_by": _OWNER,
        "name": agent.title,
        "description": agent.summary,
    }


def _json(body: object) -> web.Response:
    return web.Response(text=json.dumps(body), content_type="application/json")
