"""Records as JSON data, and back by the types of their fields."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, Union, get_args, get_origin, get_type_hints


def plain(value: object) -> Any:  # noqa: ANN401  # JSON
    """Return `value` as JSON data: records as objects, sets in order, times and whatever else as text."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value), key=repr)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def made(kind: Any, data: Any) -> Any:  # noqa: ANN401  # any type of a field, from any JSON
    """Return the value of type `kind` of which `plain` made `data`.

    Raises TypeError, KeyError or ValueError for data of another shape: nobody has checked it before.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return data
    if origin in (Union, types.UnionType):  # `X | None` is the only one
        return None if data is None else made(parts[0], data)
    if kind is datetime:
        return datetime.fromisoformat(data)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: made(hints[name], each) for name, each in _of(dict, data).items()})  # type: ignore[operator]
    if origin is tuple:  # `tuple[X, ...]` is the only one
        return tuple(made(parts[0], each) for each in _of(list, data))
    return {name: made(parts[1], each) for name, each in _of(dict, data).items()} if origin else _of(kind, data)


def _of(kind: Any, data: Any) -> Any:  # noqa: ANN401  # as above
    """Return `data` if it is of a `kind`; raise TypeError."""
    if not isinstance(data, kind):
        raise TypeError(kind)
    return data
