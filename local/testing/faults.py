"""The switch for the faults that the emulator injects (local/emulator/api/faults.py)."""

import json
import urllib.request
from contextlib import closing

from local.emulator.api.faults import PATH, Fault


class Faults:
    """The emulator's switch for faults."""

    def __init__(self, endpoint: str) -> None:
        self._url = f"{endpoint}{PATH}"

    def fail_each_call_once(self, fault: Fault) -> None:
        self._request("PUT", {"fault": fault, "calls": None})

    def refuse_next(self, calls: int) -> None:
        self._request("PUT", {"fault": "refused", "calls": calls})

    def begin_outage(self, service: str, fault: Fault, seconds: float) -> None:
        """Have every call of a service fail for so long."""
        self._request("PUT", {"fault": fault, "service": service, "seconds": seconds})

    def pause(self) -> None:
        """Let every call pass, and remember those that have failed."""
        self.refuse_next(0)

    def forget(self) -> None:
        self._request("DELETE")

    @property
    def calls(self) -> set[str]:
        """Every call that `seen` has, each with its parameters, as in "ec2:DeleteVpc {…}"."""
        return {*self._request("GET")["seen"]}

    @property
    def seen(self) -> set[str]:
        """Every call since the first that was asked to fail, or since `pause`, as in "ec2:CreateVpc"."""
        return {call.partition(" ")[0] for call in self.calls}

    @property
    def failed(self) -> list[str]:
        """Every call that has failed."""
        return [call.partition(" ")[0] for call in self._request("GET")["failed"]]

    def _request(self, method: str, body: object = None) -> dict[str, list[str]]:
        request = urllib.request.Request(self._url, json.dumps(body).encode(), method=method)
        with closing(urllib.request.urlopen(request)) as answer:
            return json.load(answer)
