"""`aws s3 sync s3://from/prefix s3://to/prefix`, for machines without the real program: with boto3, which moto brings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import boto3


def aws_on_path(folder: Path) -> dict[str, str]:
    """Return what to add to an environment so that `aws` is found: nothing where the real one works."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    found = shutil.which("aws", path=path)
    if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
        return {}
    programs = folder / "programs"
    programs.mkdir()
    (programs / "aws").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "$@"\n', encoding="utf-8")
    (programs / "aws").chmod(0o755)
    return {"PATH": f"{programs}{os.pathsep}{path}"}


def sync(source: str, target: str) -> None:
    """Copy within the store what is not there yet, metadata and all."""
    store = boto3.client("s3")
    (bucket, _, prefix), (to, _, beneath) = (url.removeprefix("s3://").partition("/") for url in (source, target))
    for page in store.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
        for found in page.get("Contents", ()):
            name = f"{beneath}{found['Key'].removeprefix(prefix)}"
            store.copy_object(Bucket=to, Key=name, CopySource={"Bucket": bucket, "Key": found["Key"]})


if __name__ == "__main__":
    command, verb, *urls = sys.argv[1:]
    assert (command, verb, len(urls)) == ("s3", "sync", 2), sys.argv
    sync(*urls)
