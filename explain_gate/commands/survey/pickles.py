"""The instructions of a pickle followed on paper: names, numbers and texts are put together, nothing is called.

What torch.save writes holds such a list of instructions. Whatever they would call is written down as called.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from typing import Any

_REBUILDS = ("torch._utils._rebuild_tensor", "torch._tensor._rebuild_from_type")
_PARAMETER = "torch._utils._rebuild_parameter"


def followed(pickled: bytes) -> Any:
    """What the instructions of a pickle would put together, with stand-ins for all that they would call.

    Raises:
        ValueError, IndexError, KeyError, TypeError: they make no sense.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for code, argument, _ in pickletools.genops(pickled):
        name = code.name
        if name == "STOP":
            return stack[-1]
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            named = ".".join(_popped(stack, 2)) if name == "STACK_GLOBAL" else str(argument).replace(" ", ".", 1)
            stack.append(_Named(named))
        elif name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            memo[len(memo) if argument is None else int(argument)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[int(str(argument))])
        elif name in _STEPS:
            _STEPS[name](stack)
        elif code.stack_after and not code.stack_before:
            stack.append(argument)  # a number, a text, bytes
    raise ValueError("the pickle has no end")


@dataclass(frozen=True, slots=True)
class _Named:
    """A function or class that the file names; it is not looked up."""

    name: str


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor that would be built; only its shape is known."""

    shape: tuple[int, ...]


class _Unknown:
    """Whatever else would be built."""


_MARK = object()


def _popped(stack: list[Any], count: int) -> list[Any]:
    values = stack[-count:]
    if len(values) < count:
        raise IndexError("the pickle takes more than it gave")
    del stack[-count:]
    return values


def _since_mark(stack: list[Any]) -> list[Any]:
    place = len(stack) - 1 - stack[::-1].index(_MARK)
    values = stack[place + 1 :]
    del stack[place:]
    return values


def _call(stack: list[Any]) -> None:
    function, arguments = _popped(stack, 2)
    stack.append(_made(function, arguments))


def _made(function: Any, arguments: Any) -> Any:
    name = function.name if isinstance(function, _Named) else ""
    if name == "collections.OrderedDict":
        return dict(arguments[0]) if arguments and isinstance(arguments[0], list) else {}
    if name.startswith(_PARAMETER) and arguments and isinstance(arguments[0], Tensor):
        return arguments[0]
    if name.startswith(_REBUILDS):
        shape = next(
            (one for one in arguments if isinstance(one, tuple) and all(isinstance(n, int) for n in one)), None
        )
        return Tensor(shape) if shape is not None else _Unknown()
    return _Unknown()


def _set_items(stack: list[Any]) -> None:
    pairs = _since_mark(stack)
    _put(stack[-1], pairs)


def _set_item(stack: list[Any]) -> None:
    pair = _popped(stack, 2)
    _put(stack[-1], pair)


def _put(target: Any, pairs: list[Any]) -> None:
    if isinstance(target, dict):
        keys = (key if isinstance(key, str | int | float | tuple) else str(type(key)) for key in pairs[::2])
        target.update(zip(keys, pairs[1::2], strict=False))


def _append(stack: list[Any]) -> None:
    (value,) = _popped(stack, 1)
    if isinstance(stack[-1], list):
        stack[-1].append(value)


def _appends(stack: list[Any]) -> None:
    values = _since_mark(stack)
    if isinstance(stack[-1], list):
        stack[-1].extend(values)


def _tuple(count: int | None) -> Any:
    def step(stack: list[Any]) -> None:
        stack.append(tuple(_since_mark(stack) if count is None else _popped(stack, count)))

    return step


def _from_mark(kind: str) -> Any:
    def step(stack: list[Any]) -> None:
        values = _since_mark(stack)
        made: Any = values if kind == "list" else _Unknown()
        if kind == "dict":
            made = {}
            _put(made, values)
        stack.append(made)

    return step


def _persistent(stack: list[Any]) -> None:
    _popped(stack, 1)
    stack.append(_Unknown())


_CONSTANTS: dict[str, Any] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": _Unknown,
    "MARK": lambda: _MARK,
}
_STEPS: dict[str, Any] = {
    "REDUCE": _call,
    "NEWOBJ": _call,
    "NEWOBJ_EX": lambda stack: stack.append((_popped(stack, 3), _Unknown())[1]),
    "OBJ": _from_mark("object"),
    "INST": _from_mark("object"),
    "BUILD": lambda stack: _popped(stack, 1),
    "SETITEMS": _set_items,
    "SETITEM": _set_item,
    "APPEND": _append,
    "APPENDS": _appends,
    "ADDITEMS": _since_mark,
    "TUPLE": _tuple(None),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "DICT": _from_mark("dict"),
    "LIST": _from_mark("list"),
    "FROZENSET": _from_mark("object"),
    "BINPERSID": _persistent,
    "POP": lambda stack: _popped(stack, 1),
    "POP_MARK": _since_mark,
    "DUP": lambda stack: stack.append(stack[-1]),
}
