"""What the settings say reaches the parts of a gateway."""

from __future__ import annotations

import pytest

from gateway.commands.assemble import terms_of
from gateway.settings import App


@pytest.mark.parametrize(("scope", "readonly"), [("full_access", False), ("readonly", True)])
def test_the_scope_of_an_app_is_among_its_terms(scope, readonly):
    """`readonly` takes its writes away."""
    assert terms_of(App(client_id="x", scope=scope)).readonly is readonly
