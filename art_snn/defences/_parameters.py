"""Parameters of a defence: kept under their names, changed all together or not at all, and never by a wrong name."""

from typing import Any, ClassVar

from art_snn._validation import check_unknown


class Parameters:
    """`get_params` and `set_params` for a class that lists its parameters in `params`."""

    params: ClassVar[list[str]] = []

    def get_params(self) -> dict[str, Any]:
        """The parameters by name."""
        return {name: getattr(self, name) for name in self.params}

    def set_params(self, **kwargs: Any) -> None:
        """Change some parameters; on an error all stay as they were.

        Raises:
            TypeError: If a name is none of `params`.
            ValueError: If a value is out of its range.
        """
        check_unknown(f"{type(self).__name__}.set_params", kwargs.keys() - set(self.params))
        before = self.get_params()
        vars(self).update(kwargs)
        try:
            self._check_params()
        except (TypeError, ValueError):
            vars(self).update(before)
            raise

    def _check_params(self) -> None:
        """Raise if a parameter is out of its range."""
