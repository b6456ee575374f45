"""The same labs as the integration tests'."""

from __future__ import annotations

from tests.integration.conftest import fresh, inventory, lab, remote_layer, users  # noqa: F401
