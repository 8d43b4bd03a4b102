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


def line_of(text: str, field: str) -> int:
    """Return the line on which `field` (like routes[0].model, parameters.steps.default) is, or what would hold it.

    The text was read before; nothing is kept meanwhile, as only mistakes ask for it.
    """
    node = yaml.compose(text, _Nodes)
    if node is None:
        return 1
    line = node.start_mark.line
    rest = field
    while rest:
        step = _step(node, rest)
        if step is None:
            break
        line, node, rest = step
    return int(line) + 1


def _step(node: yaml.Node, rest: str) -> tuple[int, yaml.Node, str] | None:
    """Go from a node to the one `rest` names first: its line, itself, and what is left of the name."""
    if isinstance(node, yaml.MappingNode):
        fits = [(key, value) for key, value in node.value if re.match(rf"{re.escape(key.value)}(?=[.\[]|$)", rest)]
        if not fits:
            return None
        key, value = max(fits, key=lambda pair: len(pair[0].value))  # a key may have dots itself
        return key.start_mark.line, value, rest[len(key.value) :].lstrip(".")
    place = re.match(r"\[?([0-9]{1,9})\]?(?=[.\[]|$)", rest)
    if isinstance(node, yaml.SequenceNode) and place is not None and int(place[1]) < len(node.value):
        item = node.value[int(place[1])]
        return item.start_mark.line, item, rest[place.end() :].lstrip(".")
    return None


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
