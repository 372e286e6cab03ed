"""Loads the content packs: the built-in ones, then an operator's own folder, which replaces and adds by id.

Everything is checked here, at start: a pack that loads cannot fail in the middle of a call.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from voice_agent.agents import pack_schema
from voice_agent.agents.dialogue.recasts import Recaster, TemplateError
from voice_agent.agents.pack_schema import (
    ESCALATE,
    NEXT,
    TARGETS,
    Article,
    Language,
    LanguageLevel,
    PackFile,
    Question,
)
from voice_agent.agents.pack_yaml import Document, Key, PackError, parse

BUILT_IN = Path(__file__).parent / "packs"

_ANSWER_CONDITION = re.compile(r"([a-z][a-z0-9-]*) *= *(yes|no|unsure)")
_FIELDS = sorted(
    {
        name
        for model in vars(pack_schema).values()
        if isinstance(model, type) and issubclass(model, BaseModel)
        for name in model.model_fields
    }
)

__all__ = ["BUILT_IN", "PackError", "Packs", "load_packs"]


@dataclass(frozen=True, slots=True)
class Packs:
    """All content by id, in the order of the files."""

    questions: Mapping[str, Question]
    articles: Mapping[str, Article]
    languages: Mapping[str, Language]
    levels: Mapping[str, LanguageLevel]


def load_packs(folder: Path | None, *, max_bytes: int, max_files: int) -> Packs:
    """Loads the built-in packs and those in `folder` (its `*.yaml` and `*.yml`, subfolders included).

    Raises PackError: one error, naming file, line and what is expected.
    """
    questions: dict[str, Question] = {}
    articles: dict[str, Article] = {}
    languages: dict[str, Language] = {}
    levels: dict[str, LanguageLevel] = {}
    for root in (BUILT_IN, folder):
        if root is None:
            continue
        seen: dict[str, str] = {}
        for file in _files(root, max_files):
            document = parse(file, _read(file, max_bytes))
            pack = _validate(document)
            _check(document, pack, seen)
            for removed in pack.remove:
                if not any(entries.pop(removed, None) for entries in (questions, articles, languages, levels)):
                    line = document.line_of(("remove",))
                    raise PackError(file, line, f"remove: there is no entry '{removed}' to remove")
            questions.update((entry.id, entry) for entry in pack.questions)
            articles.update((entry.id, entry) for entry in pack.articles)
            languages.update((entry.id, entry) for entry in pack.languages)
            levels.update((entry.id, entry) for entry in pack.levels)
    left = (("questions", questions), ("articles", articles), ("languages", languages), ("levels", levels))
    for name, entries in left:
        if not entries:
            raise PackError(folder or BUILT_IN, None, f"no {name} are left; an agent needs at least one of them")
    strange = next((level for level in levels.values() if level.lang not in languages), None)
    if strange:
        problem = (
            f"levels[{strange.id}].lang: there is no language '{strange.lang}'; the languages: {', '.join(languages)}"
        )
        raise PackError(folder or BUILT_IN, None, problem)
    return Packs(questions, articles, languages, levels)


def _files(root: Path, max_files: int) -> list[Path]:
    if not root.is_dir():
        raise PackError(root, None, "this is not a folder; AGENT_PACKS_DIR must name a folder of YAML files")
    try:
        files = sorted(path for path in root.rglob("*") if path.suffix in {".yaml", ".yml"} and path.is_file())
    except OSError as error:
        raise PackError(root, None, f"the folder cannot be read ({error.strerror})") from None
    if len(files) > max_files:
        raise PackError(root, None, f"{len(files)} files are more than the {max_files} of AGENT_PACK_MAX_FILES")
    return files


def _read(file: Path, max_bytes: int) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(max_bytes + 1)
    except OSError as error:
        raise PackError(file, None, f"the file cannot be read ({error.strerror})") from None
    if len(content) > max_bytes:
        raise PackError(file, None, f"the file is larger than the {max_bytes} bytes of AGENT_PACK_MAX_BYTES")
    return content


def _validate(document: Document) -> PackFile:
    if document.data is None:
        return PackFile()
    if not isinstance(document.data, dict):
        raise PackError(document.file, 1, "expected keys at the top: questions, articles, languages, levels or remove")
    try:
        return PackFile.model_validate(document.data)
    except ValidationError as error:
        details = min(error.errors(), key=lambda item: (_rank(item), document.line_of(item["loc"]) or 0))
        raise PackError(document.file, document.line_of(details["loc"]), _explain(document, details)) from None


def _rank(details: ErrorDetails) -> int:
    """The cause before what follows from it: a misspelled key is also missing, a bad item makes its list too short."""
    return {"extra_forbidden": 0, "missing": 2, "too_short": 3}.get(details["type"], 1)


def _explain(document: Document, details: ErrorDetails) -> str:
    where = _where(document, details["loc"])
    kind = details["type"]
    if kind == "extra_forbidden":
        name = str(details["loc"][-1])[:40]
        close = difflib.get_close_matches(name, _FIELDS, n=1)
        return f"{where}: unknown key" + (f"; did you mean '{close[0]}'?" if close else "")
    if kind == "missing":
        return f"{where}: this is missing"
    if kind == "string_pattern_mismatch":
        return f"{where}: expected an id of lower-case letters, digits and hyphens, beginning with a letter"
    message = details["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    message = message.replace("a valid tuple", "a list").replace("Tuple", "the list")
    return f"{where}: {message[:1].lower()}{message[1:]}"


def _where(document: Document, path: tuple[Key, ...]) -> str:
    """The path as an operator would say it; an entry of a list is named by its id where it has one."""
    names: list[str] = []
    value: object = document.data
    for key in path:
        if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
            value = value[key]
            named = value.get("id") if isinstance(value, dict) else None
            names[-1:] = [f"{names[-1] if names else ''}[{str(named)[:40] if named else key + 1}]"]
            continue
        value = value.get(key) if isinstance(value, dict) else None
        names.append(str(key)[:40])
    return ".".join(names)


def _check(document: Document, pack: PackFile, seen: dict[str, str]) -> None:
    """Ids are unique in a folder, and everything that points, points somewhere."""
    sections: tuple[tuple[str, tuple[Question | Article | Language | LanguageLevel, ...]], ...] = (
        ("questions", pack.questions),
        ("articles", pack.articles),
        ("languages", pack.languages),
        ("levels", pack.levels),
    )
    for section, entries in sections:
        for index, entry in enumerate(entries):
            path: tuple[Key, ...] = (section, index, "id")
            place = f"{document.file.name}:{document.line_of(path)}"
            if entry.id in seen:
                raise _problem(document, path, f"this id is already used at {seen[entry.id]}")
            seen[entry.id] = place
            if isinstance(entry, Article):
                for inner, problem in _article_problems(entry):
                    raise _problem(document, (section, index, *inner), problem)
            if isinstance(entry, Language):
                _check_recasts(document, entry, (section, index))


def _check_recasts(document: Document, language: Language, path: tuple[Key, ...]) -> None:
    for index, rule in enumerate(language.recasts):
        try:
            Recaster(language.model_copy(update={"recasts": (rule,)}))
        except TemplateError as error:
            raise _problem(document, (*path, "recasts", index), str(error)) from None


def _problem(document: Document, path: tuple[Key, ...], problem: str) -> PackError:
    return PackError(document.file, document.line_of(path), f"{_where(document, path)}: {problem}")


def _article_problems(article: Article) -> Iterator[tuple[tuple[Key, ...], str]]:
    asks = {ask.id for ask in article.ask}
    steps = {step.id for step in article.steps}
    if len(asks | steps) < len(article.ask) + len(article.steps):
        yield ("steps",), "two questions or steps of this article have the same id"
    for index, ask in enumerate(article.ask):
        ahead = steps | {later.id for later in article.ask[index + 1 :]}
        for answer, target in ask.answers.items():
            if target not in ahead and target not in TARGETS:
                yield ("ask", index, "answers", answer), _dangling(target, ahead)
    order = [step.id for step in article.steps]
    for index, step in enumerate(article.steps):
        if step.on_fail not in {NEXT, ESCALATE, *order[index + 1 :]}:
            yield ("steps", index, "on_fail"), _dangling(step.on_fail, set(order[index + 1 :]))
    for index, escalation in enumerate(article.escalate_if):
        condition = escalation.cond
        match = _ANSWER_CONDITION.fullmatch(condition)
        if match and match[1] not in asks:
            yield ("escalate_if", index, "cond"), f"there is no question '{match[1]}' under 'ask'"
        says = condition.startswith("says:") and condition.removeprefix("says:").strip(" ,")
        if not match and not says and condition != "steps_failed":
            yield (
                ("escalate_if", index, "cond"),
                "expected '<ask id> = yes|no|unsure', 'says: phrase, phrase' or 'steps_failed'",
            )


def _dangling(target: str, known: set[str]) -> str:
    return f"'{target[:40]}' is not one of what may follow: {', '.join([*sorted(known), *TARGETS])}"
