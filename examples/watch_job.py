"""Submit a job, print its progress as it happens, and cancel it when interrupted. Needs GESSO_KEY and a running server."""

from __future__ import annotations

import json
import os
import sys

import httpx

URL = os.environ.get("GESSO_URL", "http://127.0.0.1:8000")
ASK = {"model": "gesso-sketch", "input": {"prompt": "a red balloon on a blue background", "steps": 30, "num_images": 4}}


def main() -> int:
    """Return 0 when the job succeeded."""
    headers = {"Authorization": f"Bearer {os.environ['GESSO_KEY']}"}
    with httpx.Client(base_url=URL, headers=headers, timeout=60) as client:
        job = client.post("/v1/jobs", json=ASK).raise_for_status().json()
        try:
            job = watch(client, job["id"])
        except KeyboardInterrupt:
            job = client.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status().json()
    print(job["state"], *(picture["url"] for picture in job["pictures"]), sep="\n")
    return 0 if job["state"] == "succeeded" else 1


def watch(client: httpx.Client, job_id: str) -> dict:
    """Print each progress event and return the job as its last event has it."""
    job: dict = {}
    with client.stream("GET", f"/v1/jobs/{job_id}/events") as events:
        name = ""
        for line in events.raise_for_status().iter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data" and name == "job":
                job = json.loads(value)
            elif field == "data":
                step = json.loads(value)
                print(f"{step['stage']} {step['done']}/{step['total']}")
    return job


if __name__ == "__main__":
    sys.exit(main())
