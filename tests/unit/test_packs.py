"""Content packs: what an operator may write, and one clear error for everything else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.agents.pack_yaml import PackError, parse
from voice_agent.agents.packs import Packs, load_packs

ARTICLE = """\
articles:
  - id: coffee-machine
    title: Coffee machine
    category: kitchen
    symptoms: [no coffee]
    ask:
      - id: water
        spoken: Is there water in it?
        answers: {yes: next, no: fill}
    steps:
      - id: fill
        spoken: Fill in water.
    escalate_if:
      - {cond: water = no, priority: P4, team: kitchen}
"""


def load(folder: Path, *, max_bytes: int = 100_000, max_files: int = 60) -> Packs:
    return load_packs(folder, max_bytes=max_bytes, max_files=max_files)


def error(tmp_path: Path, content: str | bytes) -> str:
    file = tmp_path / "own.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(PackError) as raised:
        load(tmp_path)
    message = str(raised.value)
    assert "own.yaml" in message
    assert len(message) < 600
    return message


def test_the_built_in_content_is_complete() -> None:
    packs = load_packs(None, max_bytes=100_000, max_files=100)
    competencies = [question.competency for question in packs.questions.values()]
    core = [name for name in competencies if name not in {"warm-up", "motivation", "closing"}]
    assert len(core) >= 24
    assert len(set(core)) == 12
    assert {question.level for question in packs.questions.values()} == {"junior", "mid", "senior"}
    assert {"warm-up", "motivation", "closing"} <= set(competencies)
    assert len(packs.articles) == 26
    assert [level.cefr[0] for level in packs.levels.values() if level.lang == "en"] == ["A1", "A2", "B1", "B2", "C1"]
    assert {level.lang for level in packs.levels.values()} == set(packs.languages) == {"en", "de"}
    assert all(len(level.drills) >= 5 for level in packs.levels.values())


def test_a_level_of_english_lasts_a_quarter_of_an_hour() -> None:
    """About half a minute a prompt with an expected answer, a minute of free speech from B2 on (our judgement)."""
    packs = load_packs(None, max_bytes=100_000, max_files=100)
    for level in (level for level in packs.levels.values() if level.lang == "en"):
        free_s = 60 if level.cefr[0] in {"B2", "C1"} else 40
        items = [item for drill in level.drills for item in drill.items]
        assert sum(25 if item.answer else free_s for item in items) >= 720, level.id


def test_every_core_question_has_a_rubric_with_three_anchors() -> None:
    packs = load_packs(None, max_bytes=100_000, max_files=100)
    for question in packs.questions.values():
        if question.competency not in {"warm-up", "motivation", "closing"}:
            assert set(question.rubric) == {1, 3, 5}


def test_an_operator_adds_an_article(tmp_path: Path) -> None:
    (tmp_path / "kitchen.yaml").write_text(ARTICLE)
    packs = load(tmp_path)
    assert packs.articles["coffee-machine"].ask[0].answers == {"yes": "next", "no": "fill"}
    assert "wifi-missing" in packs.articles


def test_an_operator_replaces_and_removes_by_id(tmp_path: Path) -> None:
    own = ARTICLE.replace("coffee-machine", "wifi-missing") + "remove: [disk-full]\n"
    (tmp_path / "own.yml").write_text(own)
    packs = load(tmp_path)
    assert packs.articles["wifi-missing"].title == "Coffee machine"
    assert "disk-full" not in packs.articles


@pytest.mark.parametrize(
    ("change", "line", "expected"),
    [
        (("title:", "titel:"), None, "did you mean 'title'"),
        (("    title: Coffee machine\n", ""), 2, "this is missing"),
        (("id: coffee-machine", "id: Coffee Machine"), 2, "lower-case letters"),
        (("no: fill", "no: refill"), 9, "'refill' is not one of"),
        (("cond: water = no", "cond: milk = no"), 14, "no question 'milk'"),
        (("cond: water = no", "cond: sometimes"), 14, "expected '<ask id> = yes"),
        (("cond: water = no", 'cond: "says: ,"'), 14, "expected '<ask id> = yes"),
        (("priority: P4", "priority: P9"), 14, "expected 'P1', 'P2', 'P3' or 'P4'"),
        (("Fill in water.", "See **here**"), 12, "no markdown"),
        (("Fill in water.", "See https://example.com"), 12, "no links"),
        (("symptoms: [no coffee]", "symptoms: no coffee"), 5, "expected a list"),
        (("symptoms: [no coffee]", "symptoms: [1, {a: b}]"), 5, "string"),
        (("id: fill", "id: water"), None, "same id"),
        (("yes: next", "yes: next, yes: fill"), 9, "already used"),
        (("title: Coffee machine", "title: &anchor Coffee machine"), 3, "anchors"),
        (("title: Coffee machine", "title: *anchor"), 3, "aliases"),
        (("title: Coffee machine", "title: !!python/object:os.system x"), 3, "tags"),
        (("    title: Coffee machine", "    <<: {title: x}"), 3, "merge keys"),
        (("title: Coffee machine", "title: [unclosed"), None, "not valid YAML"),
        (("title: Coffee machine", "title: " + "x" * 5000), 3, "at most 300"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_what_is_expected(
    tmp_path: Path, change: tuple[str, str], line: int | None, expected: str
) -> None:
    assert change[0] in ARTICLE
    message = error(tmp_path, ARTICLE.replace(*change))
    assert expected in message
    if line:
        assert f"own.yaml:{line}:" in message


def test_an_id_used_twice_names_both_places(tmp_path: Path) -> None:
    message = error(tmp_path, ARTICLE + ARTICLE.removeprefix("articles:\n"))
    assert "own.yaml:15" in message
    assert "own.yaml:2" in message


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    assert "anchors" in error(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("content", ["[" * 50_000, "{a: " * 20_000, "- " * 20_000])
def test_deep_nesting_is_refused_without_deep_recursion(tmp_path: Path, content: str) -> None:
    error(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"articles: \xff\xfe", "UTF-8"),
        (b"articles: \x00", "YAML"),
        ("- just\n- a list", "at the top"),
        ("a plain text", "at the top"),
        ("articles: []\n---\narticles: []", "one document"),
        ("remove: [no-such-entry]", "no entry 'no-such-entry'"),
        ("? [a, b]\n: c", "key"),
        ("12: x", "keys should be strings"),
        ("articles: 5", "expected a list"),
    ],
)
def test_a_file_that_is_no_pack_is_refused(tmp_path: Path, content: str | bytes, expected: str) -> None:
    assert expected in error(tmp_path, content)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("# " + "x" * 200_000)
    with pytest.raises(PackError, match="AGENT_PACK_MAX_BYTES"):
        load(tmp_path)


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    for number in range(61):
        (tmp_path / f"{number}.yaml").write_text("")
    with pytest.raises(PackError, match="AGENT_PACK_MAX_FILES"):
        load(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="AGENT_PACKS_DIR"):
        load(tmp_path / "nowhere")


def test_removing_everything_of_a_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("remove: [en-a1, en-a2, en-b1, en-b2, en-c1, de-a1, de-b1]")
    with pytest.raises(PackError, match="no levels are left"):
        load(tmp_path)


@given(st.binary(max_size=300))
def test_any_bytes_give_data_or_a_pack_error(content: bytes) -> None:
    try:
        parse(Path("any.yaml"), content)
    except PackError as found:
        assert "any.yaml" in str(found)  # noqa: PT017 - both outcomes are allowed


@given(st.text(alphabet="ab:-[]{}&*!|>?'\"#,\n 01", max_size=120))
def test_any_yaml_gives_data_or_a_pack_error(content: str) -> None:
    try:
        parse(Path("any.yaml"), content.encode())
    except PackError as found:
        assert "any.yaml" in str(found)  # noqa: PT017 - both outcomes are allowed


def test_the_examples_of_the_documentation_load(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "content-packs.md").read_text("utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    for number, example in enumerate(examples):
        (tmp_path / f"{number}.yaml").write_text(example)
    packs = load(tmp_path)
    assert len(examples) == 3
    assert {"meeting-camera", "teamwork-kitchen", "travel"} <= {*packs.articles, *packs.questions, *packs.levels}
