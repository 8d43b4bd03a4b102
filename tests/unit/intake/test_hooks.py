"""Targets of webhooks are refused at the door when nothing could ever be sent to them."""

from __future__ import annotations

import pytest

from gesso.domain.errors import InvalidInput
from gesso.domain.hook import Hook
from gesso.intake.hooks import check_hook
from gesso.outgoing.policy import Policy

URL = "https://hooks.example/path?token=1"


@pytest.mark.parametrize("secret", ["", "s", "two words", "~!@#", "x" * 256])
def test_secrets_that_can_stand_in_a_header(secret):
    check_hook(Hook(url=URL, secret=secret), Policy())


@pytest.mark.parametrize("secret", [" hush", "hush ", "\thush", "two\nlines", "caf\u00e9", "nul\0", "x" * 257])
def test_secrets_that_no_header_carries_as_they_are(secret):
    with pytest.raises(InvalidInput) as refused:
        check_hook(Hook(url=URL, secret=secret), Policy())
    (problem,) = refused.value.problems
    assert (problem.field, problem.code) == ("webhook_secret", "unusable_secret")
    assert secret not in problem.message
