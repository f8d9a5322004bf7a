"""Values behave as frozen dataclasses do, and are made without what makes those slow."""

from __future__ import annotations

import pytest

from mtctl.core.values import frozen, replace


@frozen
class Point:
    """Two fields, one with a default."""

    x: int
    y: int = 2

    @property
    def total(self) -> int:
        """The sum of both."""
        return self.x + self.y


@frozen
class Twin:
    """The fields of Point in another class."""

    x: int
    y: int = 2


@frozen(kw_only=False, order=True)
class Span:
    """Given by place, sorted, checked."""

    start: int
    end: int = 9

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError("empty")


@frozen
class Nothing:
    """No field at all."""


def test_a_value_is_its_class_and_its_fields():
    assert Point(x=1) == Point(x=1, y=2)
    assert hash(Point(x=1)) == hash(Point(x=1, y=2))
    assert Point(x=1) != Point(x=2)
    assert Point(x=1) != Twin(x=1)
    assert Point(x=1) != (1, 2)
    assert Nothing() == Nothing()
    assert len({Point(x=1), Point(x=1), Span(1), Span(2)}) == 3
    assert repr(Point(x=1)) == "Point(x=1, y=2)"
    assert Point(x=1).total == 3


def test_a_value_never_changes_and_takes_no_other_field():
    point = Point(x=1)
    for change in (
        lambda: setattr(point, "x", 5),
        lambda: setattr(point, "z", 5),
        lambda: delattr(point, "x"),
    ):
        with pytest.raises(AttributeError):
            change()
    assert point == Point(x=1)
    assert not hasattr(point, "__dict__")


@pytest.mark.parametrize("given", [{}, {"x": 1, "z": 2}, {"y": 1}])
def test_a_field_that_is_missing_or_unknown_is_refused(given):
    with pytest.raises(TypeError):
        Point(**given)


def test_fields_are_given_by_place_only_where_the_class_says_so():
    assert Span(1, 2) == Span(start=1, end=2)
    with pytest.raises(TypeError):
        Point(1)
    with pytest.raises(ValueError, match="empty"):
        Span(3, 3)


def test_values_sort_by_their_fields_where_the_class_says_so():
    assert sorted([Span(2), Span(1, 3), Span(1, 2)]) == [Span(1, 2), Span(1, 3), Span(2)]
    assert Span(1) < Span(2) <= Span(2)
    assert Span(2) > Span(1)
    assert Span(2) >= Span(2)
    with pytest.raises(TypeError):
        _ = Point(x=1) < Point(x=2)
    with pytest.raises(TypeError):
        _ = Span(1) < (1, 2)


def test_a_copy_with_other_fields_is_checked_like_any_other():
    assert replace(Point(x=1), y=5) == Point(x=1, y=5)
    with pytest.raises(TypeError):
        replace(Point(x=1), z=5)
    with pytest.raises(ValueError, match="empty"):
        replace(Span(1, 2), end=0)
