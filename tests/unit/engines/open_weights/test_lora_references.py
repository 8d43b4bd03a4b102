"""Every spelling of a LoRA, and what is none."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.loras.references import (
    Civitai,
    Hub,
    Link,
    NoReference,
    Reference,
    Registered,
    lora_scales,
    loras_asked,
    read_reference,
)

FILE = "https://files.test/a/style.safetensors"
SPELLINGS: dict[str, Reference] = {
    "watercolor": Registered("watercolor"),
    "house_style-2.1": Registered("house_style-2.1"),
    " watercolor ": Registered("watercolor"),
    "Füchse im Schnee": Registered("Füchse im Schnee"),
    "лиса": Registered("лиса"),
    FILE: Link(FILE),
    f"{FILE}?token=a%2Fb&x=1,a": Link(f"{FILE}?token=a%2Fb&x=1,a"),
    "http://files.test:8080/x": Link("http://files.test:8080/x"),
    "alvdansen/frosting_lane_flux": Hub("alvdansen/frosting_lane_flux"),
    "XLabs-AI/flux-RealismLora/lora.safetensors": Hub("XLabs-AI/flux-RealismLora", "lora.safetensors"),
    "a/b/deep/er/file.SAFETENSORS": Hub("a/b", "deep/er/file.SAFETENSORS"),
    "huggingface.co/a/b": Hub("a/b"),
    "huggingface.co/a/b/c.safetensors": Hub("a/b", "c.safetensors"),
    "https://huggingface.co/a/b": Hub("a/b"),
    "https://huggingface.co/a/b/": Hub("a/b"),
    "https://hf.co/a/b/tree/v2": Hub("a/b", None, "v2"),
    "https://huggingface.co/a/b/blob/main/sub/c.safetensors": Hub("a/b", "sub/c.safetensors"),
    "https://huggingface.co/a/b/resolve/main/c.safetensors": Link(
        "https://huggingface.co/a/b/resolve/main/c.safetensors"
    ),
    "civitai:12345": Civitai(12345),
    "civitai:12345@678": Civitai(12345, 678),
    "urn:air:flux1:lora:civitai:12345@678": Civitai(12345, 678),
    "civitai.com/models/12345": Civitai(12345),
    "civitai.com/models/12345/a-name": Civitai(12345),
    "https://civitai.com/models/12345/a-name?modelVersionId=678": Civitai(12345, 678),
    "https://civitai.com/api/download/models/678": Link("https://civitai.com/api/download/models/678"),
}
NONE = [
    "",
    "   ",
    "/etc/passwd",
    "/models/lora.safetensors",
    "//server/share/x.safetensors",
    "./lora.safetensors",
    "../lora.safetensors",
    "..",
    ".",
    "~",
    "~/lora.safetensors",
    "~root/x",
    "a/..",
    "../a",
    "a/../b",
    "a/b/../c.safetensors",
    "a/b/./c.safetensors",
    "a/b/.git/c.safetensors",
    "a/b//c.safetensors",
    "a/b/c.bin",
    "a/b/c.safetensors?x=/../d",
    "a/b/" + "f" * 64,  # a version at Replicate
    "owner/na me",
    "file:///etc/passwd",
    "file:lora.safetensors",
    "FILE://localhost/etc/passwd",
    "ftp://files.test/x.safetensors",
    "s3://bucket/x.safetensors",
    "data:application/octet-stream;base64,AAAA",
    "C:\\models\\x.safetensors",
    "C:/models/x.safetensors",
    "c:x.safetensors",
    "\\\\server\\share\\x.safetensors",
    "models\\x.safetensors",
    "\\\\?\\C:\\x",
    "https://",
    "https:///x.safetensors",
    "https://files.test/a b.safetensors",
    "https://files.test\\@inside/x.safetensors",
    "https://[::1/x",
    "https://files.test:99999999/x",
    "a/b\x00.safetensors",
    "a/b\nc/d",
    "x" * 5000,
    "replicate.com/owner/model",
    "https://replicate.com/owner/model",
    "https://huggingface.co/",
    "https://huggingface.co/owner",
    "https://huggingface.co/a/b/blob/main/c.bin",
    "https://huggingface.co/a/b/blob/main/../../c/d/x.safetensors",
    "https://huggingface.co/a/%2e%2e/x.safetensors",
    "https://civitai.com/user/someone",
    "https://civitai.com/models/abc",
    "https://civitai.com/models/1?modelVersionId=../2",
    "civitai:",
    "civitai:abc",
    "civitai:1@",
    "civitai:1@2@3",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings(spelling: str) -> None:
    assert read_reference(spelling) == SPELLINGS[spelling]
    (asked,) = loras_asked({"loras": spelling})
    assert (asked.reference, asked.source, asked.scale) == (spelling.strip(), SPELLINGS[spelling].source, 1.0)


@pytest.mark.parametrize("text", NONE)
def test_paths_and_other_things_are_no_reference(text: str) -> None:
    with pytest.raises(NoReference):
        read_reference(text)
    with pytest.raises(EngineFailed, match=r"^loras\[0\] "):
        loras_asked({"loras": [{"path": text}]})


@given(st.text(max_size=60) | st.text(alphabet=string.ascii_letters + "./\\~:@?#%-_", max_size=40))
def test_whatever_is_read_leads_outside_or_to_a_name(text: str) -> None:
    try:
        found = read_reference(text)
    except NoReference as error:
        assert text not in ("a/b", "name")
        assert str(error)
        return
    match found:
        case Registered(name):
            assert not set(name) & set("/\\~:")
            assert name not in (".", "..")
        case Link(url):
            assert url.lower().startswith(("http://", "https://"))
        case Hub(repository, file):
            pieces = [*repository.split("/"), *(file or "x").split("/")]
            assert repository.count("/") == 1
            assert not any(piece in ("", ".", "..") or "\\" in piece for piece in pieces)
        case Civitai(model, version):
            assert model is not None
            assert version is None or version >= 0


@given(
    st.sampled_from(sorted(SPELLINGS)),
    st.sampled_from(["/", "~/", "../", "./", "\\", "C:\\", "C:/", "file://", "file:"]),
)
def test_no_beginning_of_a_path_is_taken(spelling: str, beginning: str) -> None:
    with pytest.raises(NoReference):
        read_reference(beginning + spelling.strip())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, []),
        ({"loras": None}, []),
        ({"loras": []}, []),
        ({"loras": ""}, []),
        ({"loras": ["", None, "a/b"]}, [("a/b", 1.0)]),  # parameters that were not given
        ({"loras": "a/b", "lora_scales": 0.5}, [("a/b", 0.5)]),
        ({"loras": ["a/b", "c/d"], "lora_scales": [0.5, -1]}, [("a/b", 0.5), ("c/d", -1.0)]),
        ({"loras": ["a/b", "c/d"], "lora_scales": [None, 2]}, [("a/b", 1.0), ("c/d", 2.0)]),
        ({"loras": ["a/b"], "lora_scales": [0.5, 0.7]}, [("a/b", 0.5)]),
        ({"loras": [{"path": "a/b", "scale": 0.3}, {"path": "c/d"}]}, [("a/b", 0.3), ("c/d", 1.0)]),
        ({"loras": [{"path": "a/b", "scale": 0.3}, "c/d"], "lora_scales": 0.9}, [("a/b", 0.3), ("c/d", 0.9)]),
        ({"loras": {"path": "a/b", "scale": 0}}, [("a/b", 0.0)]),
        ({"loras": "a/b,0.3;c/d,-.1"}, [("a/b", 0.3), ("c/d", -0.1)]),
        ({"loras": f"{FILE}, 0.3 ; c/d"}, [(FILE, 0.3), ("c/d", 1.0)]),
        ({"loras": f"{FILE}?a;b"}, [(f"{FILE}?a;b", 1.0)]),
        ({"loras": ["a/b,0.5"]}, [("a/b", 0.5)]),
    ],
)
def test_lists_in_every_form(arguments: dict[str, Any], expected: list[tuple[str, float]]) -> None:
    found = loras_asked(arguments)
    assert [(one.reference, one.scale) for one in found] == expected
    assert [one.argument for one in found] == [f"loras[{i}]" for i in range(len(found))]


@pytest.mark.parametrize(
    "arguments",
    [
        {"loras": [{"scale": 1}]},
        {"loras": [{"path": 7}]},
        {"loras": [7]},
        {"loras": [["a/b"]]},
        {"loras": [{"path": "a/b", "scale": "strong"}]},
        {"loras": [{"path": "a/b", "scale": True}]},
        {"loras": [{"path": "a/b", "scale": float("nan")}]},
        {"loras": [{"path": "a/b", "scale": float("inf")}]},
        {"loras": "a/b", "lora_scales": [1e9]},
        {"loras": "a/b", "lora_scales": "x"},
        {"loras": ["a/b"] * 65},
    ],
)
def test_what_is_no_list_of_loras(arguments: dict[str, Any]) -> None:
    with pytest.raises(EngineFailed):
        loras_asked(arguments)


def test_strengths_alone_are_those_of_a_route_with_an_adapter_of_its_own() -> None:
    assert lora_scales({"lora_scales": 0.6}) == (0.6,)
    assert lora_scales({}) == ()


def test_an_adapter_of_the_models_file_comes_first_and_needs_no_leave() -> None:
    adapter = {"name": "night", "path": "/models/night", "scale": 0.4}
    found = loras_asked({"adapter": adapter, "loras": "a/b", "lora_scales": 0.7})
    assert [(one.argument, one.reference, one.scale, one.trusted) for one in found] == [
        ("adapter", "/models/night", 0.4, True),
        ("loras[0]", "a/b", 0.7, False),
    ]
