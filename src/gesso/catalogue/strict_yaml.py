"""Read YAML without its traps: only true and false are booleans, 16:9 and dates stay text, a repeated key is an error."""

from __future__ import annotations

import re
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as _Base
except ImportError:  # PyYAML built without libyaml: the same, slower
    from yaml import SafeLoader as _Base  # type: ignore[assignment]

_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,40})", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_NUMBER_STARTS = frozenset("-0123456789")


class BadYaml(Exception):
    """The text is no YAML we take; the message says where."""


class _Nodes(_Base):
    """Parses to nodes whose tag only says what they are; turning them into values is ours (and three times faster)."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return "plain" if implicit[0] else "text"
        return "map" if kind is yaml.MappingNode else "list"

    def descend_resolver(self, current_node: Any, current_index: Any) -> None: ...
    def ascend_resolver(self) -> None: ...


def read_yaml(text: str) -> Any:
    """Return the document as dicts, lists, text, numbers, booleans and None; raise `BadYaml` naming line and column.

    Plain words are read as JSON reads them: YAML 1.1 would also take `on`, `no`, `1:30`, `010` and `2026-01-01` for
    something else. Tags are refused.
    """
    try:
        return _value(yaml.compose(text, _Nodes))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise BadYaml(_where(mark) + (error.problem or error.context or "not YAML")) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise BadYaml("not YAML") from error


def _where(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""


def _value(node: yaml.Node | None) -> Any:
    if node is None:
        return None
    if node.tag == "plain":
        return _plain(node.value)
    if node.tag == "text":
        return node.value
    if node.tag == "list":
        return [_value(one) for one in node.value]
    if node.tag != "map":
        raise BadYaml(f"{_where(node.start_mark)}tags like {node.tag} are not taken")
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise BadYaml(f"{_where(key.start_mark)}a key must be a word")
        if key.value in found:
            raise BadYaml(f"{_where(key.start_mark)}{key.value} is there twice")
        found[key.value] = _value(value)
    return found


def _plain(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_STARTS:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            return float(text)
    return text
