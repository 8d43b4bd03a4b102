"""Vendors' keys: from the environment or a file, whole or not at all, and the secret half is never sent."""

from __future__ import annotations

from gesso.catalogue.vendors import VENDORS
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
