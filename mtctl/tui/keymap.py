"""Floor 4. Which key does what: all bindings by their ids, the user's own keys checked before the screen is taken.

Every binding has an id (`list.up`, `verb.retry`, `instance.logs`), and `[ui.keys]` gives it other keys. A key that two
bindings of one place would have is refused: which one wins would be an accident.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys, _character_to_key
from textual.screen import ModalScreen, Screen

import mtctl.tui
from mtctl.core.errors import MtctlError, usage
from mtctl.core.names import closest
from mtctl.tui.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from textual.app import App

UNBOUND = "f63"
"""Where a binding stands that has no key of its own: no keyboard has it, and a keymap can give it one."""

LIST = "show."
"""What the ids of the lists' keys begin with; their numbers follow."""

_NAMES = {key.value for key in Keys} | {f"f{number}" for number in range(1, 25)}
_SIGNS = {_character_to_key(sign): sign for sign in map(chr, range(ord("!"), ord("~") + 1))}
_MODIFIERS = frozenset({"ctrl", "alt", "shift", "super", "hyper", "meta"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One binding: its id, its keys, what it says, the class that has it, the kinds of lines that it is for."""

    id: str
    keys: tuple[str, ...]
    text: str
    owner: type[DOMNode]
    kinds: frozenset[str] = frozenset()


def known() -> tuple[Known, ...]:
    """Return all bindings that have an id, of every screen and widget of the dashboard."""
    for module in pkgutil.walk_packages(mtctl.tui.__path__, "mtctl.tui."):
        importlib.import_module(module.name)
    kinds = {f"verb.{verb.name}": frozenset(verb.kinds) for verb in VERBS}
    found: dict[str, Known] = {}
    for owner in sorted(_owners(DOMNode), key=lambda owner: (owner.__module__, owner.__name__)):
        for binding in owner.__dict__.get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id is not None:
                keys = tuple(normal(key) for key in binding.key.split(",") if key != UNBOUND)
                found[binding.id] = Known(
                    id=binding.id,
                    keys=keys,
                    text=binding.description,
                    owner=owner,
                    kinds=kinds.get(binding.id, frozenset()),
                )
    return tuple(found.values())


def keymap(wanted: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """Return the keys of all bindings with the wanted ones in their place, empty where nothing is wanted.

    `wanted` are triples of id, keys and the file that says so. Usage errors `binding_unknown`, `key_name_unknown` and
    `key_clash`. All are returned, not the wanted ones only: where several bindings share a key, Textual would take it
    from all of them when one of them moves.
    """
    if not wanted:
        return {}
    bindings = {binding.id: binding for binding in known()}
    keys = {name: binding.keys for name, binding in bindings.items()}
    for name, text, where in wanted:
        if name not in bindings:
            near = closest(name, bindings)
            fix = f"did you mean '{near}'?" if near else "without the line, `?` in the dashboard lists them"
            raise usage("binding_unknown", f"there is no binding '{name}'", where=f"{where}: ui.keys", fix=fix)
        keys[name] = tuple(_checked(key, name, where) for key in text.split(","))
    for name, _, where in wanted:
        _refuse_clash(bindings[name], bindings.values(), keys, where)
    return {name: ",".join(each or (UNBOUND,)) for name, each in keys.items()}


def in_force(app: App[None], lists: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return the keys that do something here and now, what they do, and the id by which a keymap moves them.

    Verbs come first, then what is near before what is far.

    `lists` are the names of the lists, whose keys stand in one line.
    """
    found: dict[tuple[bool, int, str], tuple[list[str], str, str]] = {}
    places: dict[int, int] = {}
    for key, active in app.screen.active_bindings.items():
        binding = active.binding
        if not binding.description or binding.system or key == UNBOUND or not active.enabled:
            continue
        place = places.setdefault(id(active.node), len(places))
        is_list = (binding.id or "").startswith(LIST)
        if is_list and int((binding.id or "").removeprefix(LIST)) > len(lists):
            continue
        text = ", ".join(lists) if is_list else binding.description
        named = binding.id is not None
        order = (not (binding.id or "").startswith("verb."), place, LIST if is_list else binding.action)
        keys, said, name = found.get(order, ([], text, ""))
        name = f"{LIST}N" if is_list else binding.id or name
        found[order] = ([*keys, told(key)], text if named else said, name)  # ours says it better than what it inherits
    in_order = [found[order] for order in sorted(found, key=lambda order: order[:2])]
    return [(" ".join(keys), text, name) for keys, text, name in in_order]


def told(key: str) -> str:
    """Return a key as people write it: `?` for `question_mark`, else its name."""
    return _SIGNS.get(key, key)


def normal(key: str) -> str:
    """Return a key by the name that Textual gives it: `question_mark` for `?`."""
    key = key.strip()
    return _character_to_key(key) if len(key) == 1 else key


def _owners(top: type[DOMNode]) -> Iterator[type[DOMNode]]:
    for owner in top.__subclasses__():
        if owner.__module__.startswith("mtctl.tui"):
            yield owner
        yield from _owners(owner)


def _checked(key: str, name: str, where: str) -> str:
    named = normal(key)
    *modifiers, last = named.split("+")
    good = set(modifiers) <= _MODIFIERS and (len(last) == 1 or last in _NAMES or last in _SIGNS)
    if not good:
        near = closest(named, [*_NAMES, *(f"ctrl+{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")])
        fix = f"did you mean '{near}'?" if near else "for example 'x', 'X', '?', 'f5', 'ctrl+x', 'pagedown'"
        raise usage("key_name_unknown", f"'{key}' is not a key", where=f"{where}: ui.keys.{name}", fix=fix)
    return named


def _refuse_clash(moved: Known, others: Iterable[Known], keys: Mapping[str, tuple[str, ...]], where: str) -> None:
    for other in others:
        shared = [key for key in keys[moved.id] if key in keys[other.id]]
        if other.id == moved.id or not shared or not _meet(moved, other):
            continue
        if set(shared) <= set(moved.keys) & set(other.keys):
            continue  # they have shared it from the start
        raise _clash(shared[0], moved, other, where)


def _clash(key: str, moved: Known, other: Known, where: str) -> MtctlError:
    what = f"'{told(key)}' would be the key of '{moved.id}' and of '{other.id}' ({other.text or other.id})"
    fix = f"choose another key, or give '{other.id}' one"
    return usage("key_clash", what, where=f"{where}: ui.keys", fix=fix)


def _meet(one: Known, other: Known) -> bool:
    """Whether both can be in force at the same time."""
    if one.owner is other.owner:
        return not one.kinds or not other.kinds or bool(one.kinds & other.kinds)
    if issubclass(one.owner, ModalScreen) or issubclass(other.owner, ModalScreen):
        return False  # what lies above everything else hides the keys below
    if issubclass(one.owner, Screen) and issubclass(other.owner, Screen):
        return issubclass(one.owner, other.owner) or issubclass(other.owner, one.owner)
    return True
