"""What several tests on real PostgreSQL need."""

import pytest

from carriers.kinds import KINDS
from tests.peers.stub_carrier import StubCarrier


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> StubCarrier:
    """The carrier that misbehaves, in the table of kinds."""
    made = StubCarrier()
    monkeypatch.setitem(KINDS, "stub", made)
    return made
