"""What a job asks for: from the words of a job description or of a role to competencies and skills. English.

A lexicon, not a judgement: it finds what is said in usual words, and finds nothing in the rest. Cues are stems, matched
at the beginning of a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voice_agent.agents.pack_schema import Competency, SeniorityLevel
from voice_agent.text.visible import visible

_CUES: Mapping[Competency, str] = {
    "teamwork": "team|collaborat|together|cooperat|cross-functional|colleagues|interdisciplinary|partner with",
    "conflict": "conflict|negotiat|difficult conversation|mediat|diplomacy|diplomatic|de-escalat|stakeholder",
    "problem-solving": "problem|troubleshoot|analytic|analys|debug|diagnos|root cause|complex|resourceful|solution",
    "ownership": "ownership|responsib|accountab|initiative|proactiv|independen|end-to-end|self-start|reliab|autonom",
    "leadership": "lead|mentor|coach|supervis|manage a|managing|direct report|delegat|hire|inspire|motivate others",
    "communication": "communicat|present|writing|written|verbal|explain|document|listen|english|german|articulate",
    "adaptability": "adapt|flexib|fast-paced|changing|dynamic|ambigu|startup|start-up|shift work|weekend|travel",
    "customer-focus": "customer|client|patient|guest|user|service|sales|support|visitor|relationship",
    "learning": "learn|curio|grow|training|keep up|up to date|new technolog|continuous|certif|develop yourself",
    "prioritisation": "priorit|deadline|time management|organis|organiz|multitask|several projects|plan|schedul"
    "|pressure",
    "integrity": "integrity|complian|confidential|ethic|honest|trustworth|safety|regulat|data protection|audit|gdpr",
    "technical-depth": "technical|engineer|develop|architect|program|software|expert|design|quality|standards|certified"
    "|clinical|accounting|hands-on|degree",
}
_COMPILED = {competency: re.compile(rf"\b(?:{cues})", re.IGNORECASE) for competency, cues in _CUES.items()}

_ROLES: tuple[tuple[str, tuple[Competency, ...]], ...] = (
    (
        "developer|engineer|programmer|software|devops|architect|data|scientist|analyst|administrator|technician",
        ("technical-depth", "problem-solving", "teamwork", "learning", "ownership", "prioritisation"),
    ),
    (
        "nurse|doctor|carer|care work|care assist|midwife|therapist|paramedic|medical|health|social worker",
        ("communication", "teamwork", "adaptability", "integrity", "prioritisation", "conflict"),
    ),
    (
        "teacher|tutor|trainer|educator|lecturer|professor",
        ("communication", "learning", "conflict", "adaptability", "technical-depth", "leadership"),
    ),
    (
        "finance|accountant|auditor|bank|lawyer|legal|compliance|tax|clerk|officer|police|pharmac",
        ("integrity", "technical-depth", "prioritisation", "communication", "problem-solving", "ownership"),
    ),
    (
        "sales|account|business development|seller|retail|shop|cashier|barista|waiter|waitress|hotel|reception|support"
        "|service|call cent",
        ("customer-focus", "communication", "conflict", "ownership", "adaptability", "prioritisation"),
    ),
    (
        "manager|director|head|lead|chief|supervisor|foreman|coordinator",
        ("leadership", "prioritisation", "conflict", "communication", "ownership", "teamwork"),
    ),
    (
        "designer|marketing|writer|editor|journalist|content|product|research",
        ("communication", "customer-focus", "problem-solving", "teamwork", "technical-depth", "prioritisation"),
    ),
)
_GENERAL: tuple[Competency, ...] = (
    "teamwork", "problem-solving", "ownership", "communication", "conflict", "adaptability", "learning",
    "prioritisation", "customer-focus", "technical-depth", "integrity", "leadership",
)  # fmt: skip
"""For a job of which nothing is known: what most interviews ask, first."""

_SKILLS = (
    "Python|Java|JavaScript|TypeScript|C++|C#|Go|Rust|PHP|Ruby|Kotlin|Swift|Scala|R|SQL|HTML|CSS|React|Angular|Vue"
    "|Node.js|Django|Flask|Spring|.NET|Docker|Kubernetes|Terraform|Ansible|Linux|Windows Server|AWS|Azure|GCP"
    "|PostgreSQL|MySQL|MongoDB|Redis|Kafka|Spark|Git|CI/CD|REST|GraphQL|machine learning|deep learning|statistics"
    "|data analysis|data science|Excel|Power BI|Tableau|PowerPoint|SAP|Salesforce|Jira|Scrum|Kanban|agile"
    "|project management|product management|stakeholder management|risk management|change management|budgeting"
    "|forecasting|accounting|bookkeeping|payroll|auditing|controlling|negotiation|presentation skills|public speaking"
    "|copywriting|SEO|social media|content marketing|Google Analytics|Photoshop|Figma|InDesign|UX|user research|CAD"
    "|AutoCAD|SolidWorks|welding|electrical installation|forklift|driving licence|first aid|wound care|medication"
    "|patient care|triage|childcare|lesson planning|curriculum|recruiting|onboarding|labour law|contract law|GDPR"
    "|compliance|quality management|ISO 9001|Six Sigma|lean|logistics|procurement|inventory|warehouse|cash handling"
    "|customer service|cold calling|CRM|technical writing|translation|English|German|French|Spanish"
).split("|")
_CASED = frozenset({"Go", "R", "Rust", "Swift", "Spring", "REST", "Flask", "React", "Git", "Excel", "lean"})
"""Ordinary words as well: only as they are written here."""
_SKILL_PATTERNS = tuple(
    (skill, re.compile(rf"(?<![\w+#.]){re.escape(skill)}(?![\w+#])", 0 if skill in _CASED else re.IGNORECASE))
    for skill in _SKILLS
)

_SENIOR = re.compile(r"\b(?:senior|lead|head|principal|staff|director|manager|expert|chief)\b", re.IGNORECASE)
_JUNIOR = re.compile(
    r"\b(?:junior|intern(?:ship)?|trainee|graduate|student|apprentice\w*|entry[- ]level|entry|first job|beginner"
    r"|school)\b",
    re.IGNORECASE,
)
_OF_OTHERS = re.compile(r"\b(?:mentor|coach|train|guide|support|report)\w*\b", re.IGNORECASE)
"""Of whom a level is said then is not the one who is looked for."""
_YEARS = re.compile(r"\b(\d{1,2}) ?(?:\+|plus)? ?(?:or more )?years\b", re.IGNORECASE)
_CALENDAR = re.compile(r"\b(?:19[6-9]\d|20[0-4]\d)\b")
_SENIOR_YEARS = 7
_JUNIOR_YEARS = 2
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_LABEL = re.compile(r"^[\s\-–—•*·>\d.)]+")
_QUOTE_WORDS = 14
_TITLE_WORDS = 7


@dataclass(frozen=True, slots=True)
class Wish:
    """A competency that a job description asks for, how often, and the first line that does."""

    competency: Competency
    weight: int
    line: str


def lines_of(text: str) -> list[str]:
    """The sentences and list items of a text, without bullets and numbers in front."""
    pieces = (_LABEL.sub("", piece).strip() for piece in _SENTENCE.split(visible(text)))
    return [piece for piece in pieces if piece]


def title_in(job_description: str) -> str:
    """The first line, if it looks like the name of a job: a few words and no sentence."""
    line = next(iter(lines_of(job_description)), "")
    return line if len(line.split()) <= _TITLE_WORDS and line[-1:] not in ".!?:" else ""


def shortened(line: str) -> str:
    """At most 14 words of a line, for quoting it."""
    words = line.split()
    return " ".join(words[:_QUOTE_WORDS]).rstrip(" ,;:.") + (" …" if len(words) > _QUOTE_WORDS else "")


def wishes(job_description: str) -> tuple[Wish, ...]:
    """The competencies asked for, most often named first; then in the order of their first line."""
    found: dict[Competency, Wish] = {}
    for line in lines_of(job_description):
        for competency, pattern in _COMPILED.items():
            if pattern.search(line):
                known = found.get(competency)
                found[competency] = Wish(competency, known.weight + 1 if known else 1, known.line if known else line)
    return tuple(sorted(found.values(), key=lambda wish: -wish.weight))


def competency_of(line: str, default: Competency = "ownership") -> Competency:
    """The competency that one line speaks of; the one with the most cues."""
    counted = {competency: len(pattern.findall(line)) for competency, pattern in _COMPILED.items()}
    best = max(counted, key=lambda competency: counted[competency])
    return best if counted[best] else default


def usual(role: str) -> tuple[Competency, ...]:
    """The competencies that jobs of this name mostly need; none for a name that is not known."""
    folded = role.casefold()
    for names, competencies in _ROLES:
        if re.search(rf"\b(?:{names})", folded):
            return competencies
    return ()


def general() -> tuple[Competency, ...]:
    """All competencies, those that most interviews ask for first."""
    return _GENERAL


def skills(job_description: str) -> tuple[str, ...]:
    """The skills named in it, each once, in the order of the text."""
    text = visible(job_description)
    places = ((match.start(), skill) for skill, pattern in _SKILL_PATTERNS if (match := pattern.search(text)))
    return tuple(skill for _, skill in sorted(places))


def level_of(role: str, job_description: str = "", resume: str = "") -> SeniorityLevel:
    """The seniority that fits: what the role says, else the job description, else the resume; "mid" if none does.

    Years asked for or worked: 7 and more are senior, less than 2 junior (a judgement; adverts mostly draw it there).
    """
    heading = [line for line in lines_of(job_description)[:1] if not _OF_OTHERS.search(line)]
    for text in (role, *heading):
        named = _named(text)
        if named:
            return named
    asked = [int(match[1]) for match in _YEARS.finditer(job_description)]
    if asked:
        return _by_years(max(asked))
    worked = [int(match[1]) for match in _YEARS.finditer(resume)]
    calendar = [int(year[0]) for year in _CALENDAR.finditer(resume)]
    if calendar and max(calendar) > min(calendar):
        worked.append(max(calendar) - min(calendar))
    if worked:
        return _by_years(max(worked))
    return "junior" if _JUNIOR.search(resume) else "mid"


def _named(text: str) -> SeniorityLevel | None:
    if _JUNIOR.search(text):
        return "junior"
    return "senior" if _SENIOR.search(text) else None


def _by_years(years: int) -> SeniorityLevel:
    if years >= _SENIOR_YEARS:
        return "senior"
    return "junior" if years < _JUNIOR_YEARS else "mid"


def role_in(role: str, names: Sequence[str]) -> bool:
    """Whether one of these names occurs in the role, as the beginning of a word."""
    folded = role.casefold()
    return any(re.search(rf"\b{re.escape(name.casefold())}", folded) for name in names)
