"""Vendors' keys: from the environment or a file, whole or not at all, and the secret half is never sent."""

from __future__ import annotations

import pytest

from gesso.catalogue.vendors import VENDORS
from gesso.domain.errors import OperatorError
from gesso.engines.upstream.keys import read_keys
from gesso.engines.upstream.signature import credential_of
from gesso.engines.upstream.steps import Written
from gesso.engines.upstream.vendors import UPSTREAMS

WRITTEN = Written("POST", "vendor.example", "/", "a=b", "application/json", b"{}", 1_800_000_000)


def test_a_key_that_signs_needs_its_owner():
    assert read_keys({"TENCENTCLOUD_SECRET_KEY": "s"}, None) == {}
    assert read_keys({"TENCENTCLOUD_SECRET_ID": "i"}, None) == {}
    both = {"TENCENTCLOUD_SECRET_KEY": " s ", "TENCENTCLOUD_SECRET_ID": " i "}
    assert read_keys(both, None) == {"tencent": "i:s"}
    assert VENDORS["tencent"].variables == ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY")


def test_the_environment_goes_before_the_file(tmp_path):
    file = tmp_path / "keys"
    file.write_text("VOLC_ACCESSKEY=from-file\nVOLC_SECRETKEY=secret\nREVE_API_TOKEN=papi\n")
    file.chmod(0o600)
    assert read_keys({"VOLC_ACCESSKEY": "mine"}, file) == {"volcengine_visual": "mine:secret", "reve": "papi"}


def test_every_vendor_has_a_key_of_its_own():
    variables = [name for vendor in VENDORS.values() for name in vendor.variables]
    assert len(set(variables)) == len(variables)
    assert set(UPSTREAMS) <= set(VENDORS)


def test_a_secret_is_never_sent():
    """Not even where it came alone: then the vendor refuses the signature."""
    for name in ("tencent", "volcengine_visual"):
        vendor = UPSTREAMS[name]
        for key in ("owner:top-secret", "top-secret"):
            sent = {**vendor.authorise(key), **vendor.sign(key, WRITTEN)}
            assert "top-secret" not in str(sent)
    assert credential_of("owner:a:b") == ("owner", "a:b")


@pytest.mark.parametrize(
    "key", ["sk-\u00e912345678", "sk-12345678\nsecond", "sk-\u201c12345678\u201d", "sk-1234\x0012"]
)
def test_a_key_that_no_header_can_carry_is_refused_and_not_said(key):
    """It would come to light with the first job, as a mistake of the server's."""
    for keys in ({"FAL_KEY": key}, {"TENCENTCLOUD_SECRET_ID": "owner", "TENCENTCLOUD_SECRET_KEY": key}):
        with pytest.raises(OperatorError, match=r"The key in (FAL_KEY|TENCENTCLOUD_SECRET_KEY) has characters") as told:
            read_keys(keys, None)
        assert "1234" not in str(told.value)
