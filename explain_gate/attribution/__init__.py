"""Attribution methods: a module each or for a few; and a card each, `cards`.

Adding a method is its function and its card in `cards/<family>.py`. Torch-free; a method's code is loaded when it is
used.
"""

from __future__ import annotations

from explain_gate.attribution.cards import METHODS, Method

__all__ = ["METHODS", "Method"]
