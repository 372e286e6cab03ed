"""The words of each language for what is not a word: "at" and "dot" of an address, percent, currencies, clock times.

English has rules of its own on top (`english`). A language that is not here gets English words for addresses, and its
numbers are left to the synthesizer where num2words does not know it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Names of signs in one language."""

    at: str
    dot: str
    dash: str
    underscore: str
    slash: str
    backslash: str
    colon: str
    plus: str
    minus: str
    equals: str
    times: str
    and_: str
    percent: str
    degrees: str
    number: str
    to: str
    decimal: str
    """Between the whole and the decimals of a number."""
    code: str
    """Stands for a block of code that nobody would read aloud."""
    clock: str
    """A full time of day with {hour} and {minute}."""
    clock_sharp: str
    """The same at the full hour."""
    currencies: dict[str, str] = field(default_factory=dict)
    """Sign or ISO code -> plural name."""
    abbreviations: dict[str, str] = field(default_factory=dict)
    decimal_comma: bool = True


LEXICONS = {
    "en": Lexicon(
        at="at",
        dot="dot",
        dash="dash",
        underscore="underscore",
        slash="slash",
        backslash="backslash",
        colon="colon",
        plus="plus",
        minus="minus",
        equals="equals",
        times="times",
        and_="and",
        percent="percent",
        degrees="degrees",
        number="number",
        to="to",
        decimal="point",
        code="a piece of code",
        clock="{hour} {minute}",
        clock_sharp="{hour} o'clock",
        decimal_comma=False,
    ),
    "de": Lexicon(
        at="ät",
        dot="Punkt",
        dash="Bindestrich",
        underscore="Unterstrich",
        slash="Schrägstrich",
        backslash="Rückstrich",
        colon="Doppelpunkt",
        plus="plus",
        minus="minus",
        equals="gleich",
        times="mal",
        and_="und",
        percent="Prozent",
        degrees="Grad",
        number="Nummer",
        to="bis",
        decimal="Komma",
        code="ein Stück Code",
        clock="{hour} Uhr {minute}",
        clock_sharp="{hour} Uhr",
        currencies={
            "€": "Euro",
            "EUR": "Euro",
            "$": "Dollar",
            "USD": "Dollar",
            "£": "Pfund",
            "GBP": "Pfund",
            "CHF": "Franken",
        },
        abbreviations={
            "z. B.": "zum Beispiel",
            "z.B.": "zum Beispiel",
            "d. h.": "das heißt",
            "d.h.": "das heißt",
            "u. a.": "unter anderem",
            "u.a.": "unter anderem",
            "usw.": "und so weiter",
            "bzw.": "beziehungsweise",
            "ca.": "circa",
            "ggf.": "gegebenenfalls",
            "inkl.": "inklusive",
            "Dr.": "Doktor",
            "Nr.": "Nummer",
        },
    ),
    "fr": Lexicon(
        at="arobase",
        dot="point",
        dash="tiret",
        underscore="tiret bas",
        slash="barre oblique",
        backslash="barre inverse",
        colon="deux-points",
        plus="plus",
        minus="moins",
        equals="égale",
        times="fois",
        and_="et",
        percent="pour cent",
        degrees="degrés",
        number="numéro",
        to="à",
        decimal="virgule",
        code="un extrait de code",
        clock="{hour} heures {minute}",
        clock_sharp="{hour} heures",
        currencies={
            "€": "euros",
            "EUR": "euros",
            "$": "dollars",
            "USD": "dollars",
            "£": "livres",
            "GBP": "livres",
            "CHF": "francs",
        },
        abbreviations={
            "M.": "Monsieur",
            "Mme": "Madame",
            "Mlle": "Mademoiselle",
            "p. ex.": "par exemple",
            "c.-à-d.": "c'est-à-dire",
            "etc.": "et cetera",
            "n°": "numéro",
            "env.": "environ",
        },
    ),
    "es": Lexicon(
        at="arroba",
        dot="punto",
        dash="guion",
        underscore="guion bajo",
        slash="barra",
        backslash="barra invertida",
        colon="dos puntos",
        plus="más",
        minus="menos",
        equals="igual a",
        times="por",
        and_="y",
        percent="por ciento",
        degrees="grados",
        number="número",
        to="a",
        decimal="coma",
        code="un fragmento de código",
        clock="{hour} y {minute}",
        clock_sharp="{hour} en punto",
        currencies={
            "€": "euros",
            "EUR": "euros",
            "$": "dólares",
            "USD": "dólares",
            "£": "libras",
            "GBP": "libras",
        },
        abbreviations={
            "Sr.": "señor",
            "Sra.": "señora",
            "Dr.": "doctor",
            "Dra.": "doctora",
            "p. ej.": "por ejemplo",
            "p.ej.": "por ejemplo",
            "etc.": "etcétera",
            "aprox.": "aproximadamente",
        },
    ),
    "it": Lexicon(
        at="chiocciola",
        dot="punto",
        dash="trattino",
        underscore="trattino basso",
        slash="barra",
        backslash="barra inversa",
        colon="due punti",
        plus="più",
        minus="meno",
        equals="uguale",
        times="per",
        and_="e",
        percent="per cento",
        degrees="gradi",
        number="numero",
        to="a",
        decimal="virgola",
        code="un frammento di codice",
        clock="{hour} e {minute}",
        clock_sharp="{hour} in punto",
        currencies={
            "€": "euro",
            "EUR": "euro",
            "$": "dollari",
            "USD": "dollari",
            "£": "sterline",
            "GBP": "sterline",
        },
        abbreviations={
            "Sig.": "signor",
            "Sig.ra": "signora",
            "Dott.": "dottor",
            "Dr.": "dottor",
            "ad es.": "ad esempio",
            "p.es.": "per esempio",
            "ecc.": "eccetera",
        },
    ),
}


def lexicon(language: str) -> Lexicon:
    """The words of a BCP 47 tag; English ones for a language that has none here."""
    return LEXICONS.get(primary(language), LEXICONS["en"])


def primary(language: str) -> str:
    """The language of a BCP 47 tag: `primary("de-AT") == "de"`. "" counts as English."""
    return language.replace("_", "-").split("-", 1)[0].lower() or "en"
