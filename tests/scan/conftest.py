"""The component is recorded by the mocks of the mocks ring, and they need its event loop."""

from tests.unit.conftest import event_loop

__all__ = ["event_loop"]
