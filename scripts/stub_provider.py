"""A provider that speaks OpenAI's API, with chosen delays, answers and faults: for tests and benchmarks.

In a test:

    async with StubProvider(script=Script(...), delays=Delays(...)) as stub:
        ...  # base URL: stub.base_url; what was asked: stub.requests; stub.fail(Fault("chat", "cut", after_chunks=3))

From a shell: `python -m scripts.stub_provider --port 9000 --first-token-ms 150`; it prints the base URL. While it
runs: `POST /stub/faults` (fields of `Fault`), `DELETE /stub/faults`, `GET /stub/requests`, `DELETE /stub/requests`.

It measures nothing and understands no speech. Real synthetic speech can be plugged in as `speech`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

import uvloop
from aiohttp import BodyPartReader, web

from scripts.stub_audio import RATE_HZ, decoded, looped, ogg_opus, speech_like
from scripts.stub_realtime import RealtimeTranscription
from scripts.stub_script import Delays, Endpoint, Fault, Faults, Record, Script

_CHUNK_BYTES = RATE_HZ // 10 * 2
_CATEGORIES = (
    "harassment harassment/threatening hate hate/threatening illicit illicit/violent self-harm self-harm/instructions "
    "self-harm/intent sexual sexual/minors violence violence/graphic"
).split()
SpeechMaker = Callable[[str, float], bytes]
"""(text, speed) -> mono s16le at 24 kHz."""


class Answer:
    """Writes one streamed answer piece by piece and lets the request's fault happen where it should."""

    def __init__(self, request: web.Request, record: Record, fault: Fault | None, changed: Callable[[], None]) -> None:
        self._request = request
        self._record = record
        self._fault = fault
        self._changed = changed
        self._response: web.StreamResponse | None = None

    async def begin(self, content_type: str) -> None:
        self._response = web.StreamResponse(headers={"Content-Type": content_type})
        await self._response.prepare(self._request)

    async def write(self, data: bytes, garbage: bytes = b"") -> None:
        assert self._response is not None
        fault = self._fault
        if fault is not None and self._record.chunks >= fault.after_chunks:
            if fault.kind == "stall":
                await asyncio.Event().wait()
            if fault.kind == "cut":
                await asyncio.sleep(0)  # what was written before leaves first
                abort(self._request)
                raise _FaultHappenedError
            if fault.kind == "malformed":
                data = garbage
        await self._response.write(data)
        self._record.chunks += 1
        self._changed()

    async def event(self, body: dict[str, Any]) -> None:
        await self.write(b"data: " + json.dumps(body).encode() + b"\n\n", garbage=b'data: {"choices": [{"delta"\n\n')

    async def end(self) -> web.StreamResponse:
        assert self._response is not None
        await self._response.write_eof()
        return self._response


class _FaultHappenedError(Exception):
    """The connection was ended on purpose."""


def abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


class StubProvider:
    def __init__(
        self,
        *,
        script: Script | None = None,
        delays: Delays | None = None,
        api_key: str = "",
        ms_per_word: int = 350,
        speech: SpeechMaker | None = None,
        partials: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """`api_key`: any other key gets 401; "" takes all. `partials`: the realtime session sends words as the audio
        comes. `port` 0 takes a free one."""
        self.script = script or Script()
        self.delays = delays or Delays()
        self.requests: list[Record] = []
        self.base_url = ""
        self._api_key = api_key
        self._speech = speech or (lambda text, speed: speech_like(text, ms_per_word, speed))
        self._partials = partials
        self._host = host
        self._port = port
        self._faults = Faults()
        self._changed = asyncio.Event()
        self._sockets: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/audio/transcriptions", self._transcriptions)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/audio/speech", self._speak)
        app.router.add_post("/v1/moderations", self._moderate)
        app.router.add_get("/v1/realtime", self._realtime)
        app.router.add_post("/stub/faults", self._add_fault)
        app.router.add_delete("/stub/faults", self._clear_faults)
        app.router.add_get("/stub/requests", self._list_requests)
        app.router.add_delete("/stub/requests", self._clear_requests)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for socket in tuple(self._sockets):
            await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def fail(self, *faults: Fault) -> None:
        for fault in faults:
            self._faults.add(fault)

    def recover(self) -> None:
        self._faults.clear()

    def asked(self, endpoint: Endpoint) -> list[Record]:
        """The requests to one endpoint, in order."""
        return [record for record in self.requests if record.endpoint == endpoint]

    async def until(self, condition: Callable[[Self], bool], timeout_s: float = 5.0) -> None:
        """Returns when `condition` holds of the requests. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()

    @asynccontextmanager
    async def _exchange(
        self, request: web.Request, endpoint: Endpoint, parameters: dict[str, Any], audio_s: float = 0.0
    ) -> AsyncIterator[tuple[Record, Fault | None]]:
        """Around one request: checks the key, records it, lets faults happen that come before the answer."""
        peer = request.transport.get_extra_info("peername") if request.transport else None
        record = Record(endpoint, parameters, audio_s, connection=str(peer))
        self.requests.append(record)
        self._changed.set()
        fault = self._faults.take(endpoint, parameters)
        try:
            if self._api_key and request.headers.get("Authorization") != f"Bearer {self._api_key}":
                raise _refusal(Fault(endpoint, "status", status=401, message="bad key", code="invalid_api_key"))
            if fault is not None:
                await self._before(request, fault)
            yield record, fault
            if record.outcome == "open":
                record.outcome = "done"
        except _FaultHappenedError:
            record.outcome = "failed"
            raise web.HTTPBadGateway from None  # the connection is gone: nobody gets this
        except web.HTTPException:
            record.outcome = "failed"
            raise
        except asyncio.CancelledError:
            record.outcome = "disconnected"
            raise
        except ConnectionError:
            record.outcome = "disconnected"
            raise web.HTTPBadGateway from None  # likewise
        finally:
            self._changed.set()

    async def _before(self, request: web.Request, fault: Fault) -> None:
        if fault.kind == "status":
            raise _refusal(fault)
        if fault.kind == "slow":
            await asyncio.sleep(fault.delay_s)
        elif fault.kind == "drop":
            abort(request)
            raise _FaultHappenedError
        elif fault.kind == "stall" and fault.after_chunks == 0:
            await asyncio.Event().wait()

    # --- the API ------------------------------------------------------------------------------------------------

    async def _transcriptions(self, request: web.Request) -> web.StreamResponse:
        parameters, audio = await _form(request)
        audio_s, heard_ms = decoded(audio)
        async with self._exchange(request, "transcriptions", parameters, audio_s) as (record, fault):
            text = self.script.transcript(audio_s, heard_ms)
            await asyncio.sleep(self.delays.transcription_s)
            if parameters.get("stream") != "true":
                return _json_answer(request, {"text": text, "words": _word_times(text)}, fault)
            answer = Answer(request, record, fault, self._changed.set)
            await answer.begin("text/event-stream")
            for index, word in enumerate(text.split()):
                await answer.event({"type": "transcript.text.delta", "delta": word if index == 0 else f" {word}"})
            if parameters.get("response_format") == "diarized_json":
                await answer.event(_segment_event(text, audio_s))
            await answer.event({"type": "transcript.text.done", "text": text})
            return await answer.end()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        async with self._exchange(request, "chat", body) as (record, fault):
            rule = self.script.answer(body["messages"])
            await asyncio.sleep(self.delays.first_token_s)
            answer = Answer(request, record, fault, self._changed.set)
            await answer.begin("text/event-stream")
            usage = bool(body.get("stream_options", {}).get("include_usage"))
            for index, choice in enumerate(_choices(rule)):
                # The role comes with the first token, as it does from a real provider.
                if index > 1 and self.delays.tokens_per_s:
                    await asyncio.sleep(1 / self.delays.tokens_per_s)
                await answer.event(_completion_chunk(body, [choice]))
            if usage:
                tokens = {"prompt_tokens": len(json.dumps(body["messages"])) // 4, "completion_tokens": record.chunks}
                total = sum(tokens.values())
                await answer.event({**_completion_chunk(body, []), "usage": {**tokens, "total_tokens": total}})
            await answer.write(b"data: [DONE]\n\n")
            return await answer.end()

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        async with self._exchange(request, "speech", body) as (record, fault):
            if self.script.voices and body["voice"] not in self.script.voices:
                raise _refusal(Fault("speech", "status", status=400, message="unknown voice", code="invalid_value"))
            opus = body.get("response_format") == "opus"
            pcm = self._speech(body["input"], float(body.get("speed", 1.0)))
            data = ogg_opus(pcm) if opus else pcm
            # An odd size, as networks make them: samples and Ogg pages are cut anywhere.
            size = 701 if opus else _CHUNK_BYTES - 1
            await asyncio.sleep(self.delays.first_byte_s)
            answer = Answer(request, record, fault, self._changed.set)
            broken = fault is not None and fault.kind == "malformed"
            await answer.begin("application/json" if broken else "audio/ogg" if opus else "audio/pcm")
            for start in range(0, len(data), size):
                if start:
                    await asyncio.sleep(self.delays.speech_chunk_s)
                await answer.write(data[start : start + size], garbage=b'{"oops": true}')
            return await answer.end()

    async def _moderate(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        async with self._exchange(request, "moderations", body) as (_record, fault):
            await asyncio.sleep(self.delays.moderation_s)
            hits = self.script.flags(str(body["input"]))
            result = {
                "flagged": bool(hits),
                "categories": {name: name in hits for name in _CATEGORIES},
                "category_scores": {name: 0.9 if name in hits else 0.01 for name in _CATEGORIES},
            }
            return _json_answer(request, {"id": "modr-stub", "model": body.get("model"), "results": [result]}, fault)

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        async with self._exchange(request, "realtime", dict(request.query)) as (record, fault):
            socket = web.WebSocketResponse(heartbeat=20, max_msg_size=16 * 1024 * 1024)
            await socket.prepare(request)
            self._sockets.add(socket)
            try:
                session = RealtimeTranscription(socket, self.script, self.delays, record, partials=self._partials)
                await session.run(fault, abort=lambda: abort(request), changed=self._changed.set)
            finally:
                self._sockets.discard(socket)
            return socket

    # --- control ------------------------------------------------------------------------------------------------

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            self.fail(Fault(**await request.json()))
        except (TypeError, ValueError) as exc:
            return web.json_response({"error": str(exc)}, status=400)
        return web.json_response({"ok": True})

    async def _clear_faults(self, _request: web.Request) -> web.Response:
        self.recover()
        return web.json_response({"ok": True})

    async def _list_requests(self, _request: web.Request) -> web.Response:
        return web.json_response([record.as_json() for record in self.requests])

    async def _clear_requests(self, _request: web.Request) -> web.Response:
        self.requests.clear()
        return web.json_response({"ok": True})


async def _form(request: web.Request) -> tuple[dict[str, Any], bytes]:
    """Fields and file of an upload, in memory: aiohttp's own `post` would put a long one on the disk."""
    parameters: dict[str, Any] = {}
    audio = b""
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        if part.filename is None:
            parameters[part.name] = await part.text()
        else:
            audio = bytes(await part.read())
    return parameters, audio


def _refusal(fault: Fault) -> web.HTTPException:
    headers = {} if fault.retry_after_s is None else {"Retry-After": f"{fault.retry_after_s:g}"}
    body = {"error": {"message": fault.message, "type": "stub", "code": fault.code or None, "param": None}}

    class Refusal(web.HTTPException):
        status_code = fault.status

    return Refusal(headers=headers, text=json.dumps(body), content_type="application/json")


def _json_answer(request: web.Request, body: dict[str, Any], fault: Fault | None) -> web.Response:
    if fault is not None and fault.kind == "malformed":
        return web.Response(text='{"results": [', content_type="application/json")
    if fault is not None and fault.kind == "cut":
        abort(request)
        raise _FaultHappenedError
    return web.json_response(body)


def _segment_event(text: str, audio_s: float) -> dict[str, object]:
    """All of the audio as one speaker's."""
    times = {"start": 0.0, "end": round(audio_s, 3)}
    return {"type": "transcript.text.segment", "id": "seg_1", "text": text, "speaker": "A", **times}


def _word_times(text: str) -> list[dict[str, Any]]:
    return [{"word": word, "start": index * 0.35, "end": index * 0.35 + 0.3} for index, word in enumerate(text.split())]


def _choices(rule: Any) -> list[dict[str, Any]]:
    """The choices of the chunks of one completion, in order: a token is a word."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if rule.refusal:
        deltas.append({"refusal": rule.refusal})
    deltas.extend({"content": word if not i else f" {word}"} for i, word in enumerate(rule.text.split(" ")) if word)
    for index, (name, arguments) in enumerate(rule.tool_calls):
        function = {"name": name, "arguments": ""}
        deltas.append(
            {"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": function}]}
        )
        for start in range(0, len(arguments), 7):
            piece = {"arguments": arguments[start : start + 7]}
            deltas.append({"tool_calls": [{"index": index, "function": piece}]})
    reason = rule.finish_reason or ("tool_calls" if rule.tool_calls else "stop")
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    return [*choices, {"index": 0, "delta": {}, "finish_reason": reason}]


def _completion_chunk(body: dict[str, Any], choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-stub",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": body.get("model"),
        "choices": choices,
    }


def _espeak(text: str, _speed: float) -> bytes:
    from scripts.speech import synthesize  # noqa: PLC0415 - needs the development packages

    return synthesize(text, RATE_HZ)


async def _serve(arguments: argparse.Namespace) -> None:
    delays = Delays(
        transcription_s=arguments.transcription_ms / 1000,
        first_token_s=arguments.first_token_ms / 1000,
        tokens_per_s=arguments.tokens_per_s,
        first_byte_s=arguments.first_byte_ms / 1000,
    )
    speeches: dict[str, SpeechMaker | None] = {
        "tone": None,
        "loop": lambda text, speed: looped(text, arguments.ms_per_word, speed),
        "espeak": _espeak,
    }
    async with StubProvider(
        script=Script(constant_transcript=arguments.transcript, constant_reply=arguments.reply),
        delays=delays,
        api_key=arguments.api_key,
        ms_per_word=arguments.ms_per_word,
        speech=speeches[arguments.speech],
        host=arguments.host,
        port=arguments.port,
    ) as stub:
        print(stub.base_url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="An OpenAI-compatible provider for tests and benchmarks.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--api-key", default="", help="the only key accepted; empty accepts all")
    parser.add_argument("--transcription-ms", type=float, default=100)
    parser.add_argument("--first-token-ms", type=float, default=150)
    parser.add_argument("--tokens-per-s", type=float, default=30)
    parser.add_argument("--first-byte-ms", type=float, default=80)
    parser.add_argument("--ms-per-word", type=int, default=350)
    parser.add_argument("--speech", choices=("tone", "loop", "espeak"), default="tone")
    parser.add_argument("--transcript", default="", help="what every caller is understood to say")
    parser.add_argument("--reply", default="", help="what the model always says; {n} becomes the number of the reply")
    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
