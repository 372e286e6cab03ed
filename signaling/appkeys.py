"""The typed keys under which the application's parts are found in a request."""

from __future__ import annotations

from aiohttp import web

from signaling.call_limits import CallLimits
from signaling.directory import CallDirectory
from signaling.factories import CallFactories
from signaling.finished_owners import FinishedOwners
from signaling.loopmonitor import LoopMonitor
from signaling.registry import Registry
from signaling.resume import ResumeDesk
from signaling.services import Services
from voice_agent.settings import Settings

SETTINGS = web.AppKey("settings", Settings)
SERVICES = web.AppKey("services", Services)
DIRECTORY = web.AppKey("directory", CallDirectory)
FACTORIES = web.AppKey("factories", CallFactories)
RESUME = web.AppKey("resume", ResumeDesk)
REGISTRY = web.AppKey("registry", Registry)
FINISHED = web.AppKey("finished", FinishedOwners)
CALL_LIMITS = web.AppKey("call_limits", CallLimits)
MONITOR = web.AppKey("monitor", LoopMonitor)
