"""Parameters of attacks and defences: named and checked by the constructor's signature, set all or none."""

import inspect
from typing import Any, ClassVar

from art_snn._declared import Check, declared_checks
from art_snn._validation import check_unknown

_ARTS_NAMES = ("attack_params", "defence_params")  # what ART's attacks and sample detectors call `params`


class Parameters:
    """`get_params` and `set_params` for a class whose parameters are the arguments of its constructor.

    Attributes:
        params: Names of the parameters in the constructor's order, without data. If the constructor passes `**kwargs`
            on, the parent's parameters come first.
        needs_frames: Whether the attack or defence works on frames of an event camera only.
    """

    params: ClassVar[list[str]] = []
    needs_frames: ClassVar[bool] = False
    _data: ClassVar[frozenset[str]] = frozenset({"classifier"})  # data among the arguments, added to the parents'
    _checks: ClassVar[dict[str, Check | None]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._data = frozenset().union(*(vars(parent).get("_data", ()) for parent in cls.__mro__))
        if "params" not in vars(cls):
            cls.params = _named_arguments(cls, inherited=cls.params)
        for name in _ARTS_NAMES:
            if hasattr(cls, name) and name not in vars(cls):
                setattr(cls, name, cls.params)
        cls._checks = {**cls._checks, **declared_checks(cls.__init__)}

    def get_params(self) -> dict[str, Any]:
        """The parameters by name."""
        return {name: getattr(self, name) for name in self.params}

    def set_params(self, **kwargs: Any) -> None:
        """Change parameters; after an error all are as before.

        Raises:
            TypeError: If a name is none of `params`.
            ValueError: If a value is out of its range.
        """
        check_unknown(f"{type(self).__name__}.set_params", kwargs.keys() - set(self.params))
        before = self.get_params()
        vars(self).update(kwargs)
        try:
            self._check_params()
        except BaseException:
            vars(self).update(before)
            raise

    def _check_params(self) -> None:
        """Raise if a parameter is not what its type declares; subclasses add checks that types cannot declare."""
        for name in self.params:
            if (check := self._checks.get(name)) is not None:
                check(name, getattr(self, name))


def _named_arguments(cls: type[Parameters], inherited: list[str]) -> list[str]:
    """Parameters that a class's constructor names, after the inherited ones if it passes `**kwargs` on."""
    _, *arguments = inspect.signature(cls.__init__).parameters.values()
    passes_on = any(argument.kind is argument.VAR_KEYWORD for argument in arguments)
    named = [a.name for a in arguments if a.kind not in (a.VAR_KEYWORD, a.VAR_POSITIONAL)]
    return list(dict.fromkeys([*(inherited if passes_on else ()), *(name for name in named if name not in cls._data)]))
