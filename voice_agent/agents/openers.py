"""How answers begin: a few words with a life of their own, spoken ahead, so that a caller hears at once that they were
understood, while the rest of the answer is still being written.

Each is followed by a short pause in speech anyway. One that ends in a full stop must be a sentence wherever it stands.
"""

from __future__ import annotations

from collections.abc import Mapping

_OPENERS: Mapping[str, tuple[str, ...]] = {
    "en": (
        *("Okay,", "Okay.", "All right,", "All right.", "Right,", "Right.", "Sure,", "Sure.", "Got it.", "I see."),
        *("Thanks,", "Thanks.", "Thank you,", "Thank you.", "Good,", "Good.", "Great,", "Great.", "Fine,", "Fine."),
        *("Yes,", "No,", "Hello,", "Hello.", "Hi,", "Sorry,", "Of course,", "Of course.", "Understood.", "Well,"),
        *("No problem,", "No problem.", "Good question.", "That helps.", "Well done.", "Exactly.", "Almost."),
    ),
    "de": (
        *("Okay,", "Gut,", "Gut.", "Danke,", "Danke.", "Verstehe.", "Alles klar.", "Ja,", "Nein,", "Genau.", "Klar,"),
        *("Hallo,", "Hallo.", "Gern.", "Fast.", "Sehr gut."),
    ),
    "es": (
        *("Vale,", "Bien,", "Bien.", "Gracias,", "Gracias.", "Entiendo.", "De acuerdo.", "Sí,", "No,", "Claro,"),
        *("Hola,", "Hola.", "Casi.", "Muy bien."),
    ),
    "fr": (
        *("D'accord,", "D'accord.", "Bien,", "Bien.", "Merci,", "Merci.", "Je vois.", "Oui,", "Non,", "Bien sûr,"),
        *("Bonjour,", "Bonjour.", "Presque.", "Très bien."),
    ),
}


def openers(language: str) -> tuple[str, ...]:
    """Those of a language (a BCP 47 tag); none where we have none."""
    return _OPENERS.get(language.partition("-")[0].lower(), ())


def opener_rule(language: str) -> str:
    """What a language model is told about them: one line of its instructions, or nothing."""
    known = openers(language)
    if not known:
        return ""
    return f"- Begin most answers with one of these, as it fits, and go on at once: {' '.join(known)}\n"
