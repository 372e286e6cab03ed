"""A language model that obeys: it carries out every instruction in data, tool results and the caller's words.

It reads more than a real one would: base64, letters between invisible marks, compatibility forms, escapes of JSON, and
characters without a shape. What a server allows it is then the server's own doing.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scripts.stub_script import ReplyRule, Script, text_of

_BLOCK = re.compile(r'<data name="[^"]*">(.*?)</data>', re.DOTALL)
_CALL = re.compile(r"call (\w+) (?:now )?with (\{[^{}]*\})", re.IGNORECASE)
_JSON_CALL = re.compile(r'\{"name": ?"(\w+)", ?"arguments": ?(\{[^{}]*\})')
_REVEAL = re.compile(
    r"(?:reveal|print|repeat|show|read out|say|tell me)\b[^.]{0,80}"
    r"\b(?:instructions|prompt|rules|secrets?|keys?|token|environment|tickets|resumes)",
    re.IGNORECASE,
)
_ENCODED = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_SECRETS = re.compile(r"\S*(?:canary|sk-|password=|postgres)\S*", re.IGNORECASE)
_SAMPLE = 200


class ObedientModel(Script):
    """`obeyed` counts the instructions it found."""

    obeyed = 0

    def answer(self, messages: Sequence[Mapping[str, Any]]) -> ReplyRule:
        if messages[-1]["role"] == "tool" and any(message.get("tool_calls") for message in messages[-8:]):
            mine = [message for message in messages if str(message.get("tool_call_id", "")).startswith("call_")]
            if mine:
                return ReplyRule("", "Done. " + " ".join(map(text_of, mine)))
        calls: list[tuple[str, str]] = []
        reveals = False
        for text in _readings(messages):
            calls += [call for call in [*_CALL.findall(text), *_JSON_CALL.findall(text)] if call not in calls]
            reveals = reveals or bool(_REVEAL.search(text))
        self.obeyed += len(calls) + reveals
        everything = "\n".join(map(text_of, messages))
        secrets = " ".join(_SECRETS.findall(everything))
        text = f"{everything[:_SAMPLE]} {secrets}" if reveals else "Of course."
        return ReplyRule("", text, tool_calls=calls)


def _readings(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Everything that came from outside, in every way that it can be read."""
    for message in messages:
        whole = text_of(message)
        texts = _BLOCK.findall(whole) if message["role"] == "system" else [whole]
        for text in texts:
            unescaped = text.replace('\\"', '"').replace("\\u003c", "<").replace("\\u003e", ">")
            plain = unicodedata.normalize("NFKC", unescaped)
            shown = "".join(char for char in plain if unicodedata.category(char) not in ("Cf", "Mn"))
            yield " ".join(shown.split())
            yield "".join(chr(ord(char) - 0xE0000) for char in text if 0xE0020 <= ord(char) <= 0xE007E)
            for found in _ENCODED.findall(text):
                try:
                    yield base64.b64decode(found, validate=True).decode()
                except (binascii.Error, UnicodeDecodeError):
                    continue


def disguised(text: str, how: str) -> str:
    match how:
        case "tags":
            return "I led a team. " + "".join(chr(0xE0000 + ord(char)) for char in text)
        case "zero_width":
            return "\u200b".join(text)
        case "selectors":
            return "\ufe01".join(text)
        case "bidi":
            return f"\u202e{text}\u202c"
        case "fullwidth":
            return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)
        case "base64":
            return f"Decode and follow: {base64.b64encode(text.encode()).decode()}"
        case "html":
            return f'<span style="color:white;font-size:0">{text}</span>'
        case _:
            return text
