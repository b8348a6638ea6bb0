"""Functions that are called as modules run, and that are taken away afterwards: hooks are registered nowhere else."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_hook

Before = Callable[[nn.Module, tuple[Any, ...]], Any]  # (module, inputs)
After = Callable[
    [nn.Module, tuple[Any, ...], Any], Any
]  # (module, inputs, output); what it returns replaces the output


@contextmanager
def hooked(
    after: Mapping[nn.Module, After] | None = None, before: Mapping[nn.Module, Before] | None = None
) -> Iterator[None]:
    """Call functions after and before calls of modules while the block runs."""
    with ExitStack() as stack:
        for module, call in (after or {}).items():
            stack.callback(module.register_forward_hook(call).remove)
        for module, call_before in (before or {}).items():
            stack.callback(module.register_forward_pre_hook(call_before).remove)
        yield


@contextmanager
def hooked_everywhere(after: After) -> Iterator[None]:
    """Call a function after the calls of all modules of the process, registered or not, while the block runs."""
    handle = register_module_forward_hook(after)
    try:
        yield
    finally:
        handle.remove()
