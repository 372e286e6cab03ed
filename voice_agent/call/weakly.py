"""Callbacks from a part to the object that owns it, by which the part does not own that object in turn.

A call is some thirty objects that tell each other what happens. If each of them held the others, an ended call would be
a ring that only the garbage collector frees: memory that waits, and collections that walk every live call while nobody
is heard. As it is, a call is freed when whoever runs it lets it go.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import MethodType
from typing import TypeVarTuple, cast

_Arguments = TypeVarTuple("_Arguments")


def weakly(method: Callable[[*_Arguments], None]) -> Callable[[*_Arguments], None]:
    """As the bound `method`, without keeping its object alive. Once that is gone there is nobody to tell.

    As `weakref.WeakMethod`, which takes twice the time: some of these are called for every frame.
    """
    bound = cast(MethodType, method)
    owner, function = weakref.ref(bound.__self__), bound.__func__

    def call(*arguments: *_Arguments) -> None:
        alive = owner()
        if alive is not None:
            function(alive, *arguments)

    return call
