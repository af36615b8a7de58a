"""Reads that come while others write: what moto looks through may grow meanwhile, and nothing keeps it from that."""

from collections.abc import Callable
from typing import Any

from moto.core.responses import BaseResponse

_READS = ("Describe", "Get", "List")


def read_while_others_write() -> None:
    """Have moto look again where it has met a change."""
    ask: Callable[[BaseResponse], Any] = BaseResponse.call_action

    def ask_again(self: BaseResponse) -> Any:
        while True:
            try:
                return ask(self)
            except RuntimeError as error:
                is_read = self._get_action().startswith(_READS)  # pyright: ignore[reportPrivateUsage] # it has no other
                if not is_read or "changed size during iteration" not in str(error):
                    raise

    BaseResponse.call_action = ask_again
