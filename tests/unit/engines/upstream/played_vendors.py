"""Each vendor as a server of ours plays it: which of its calls costs, what it answers, and how it refuses."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from faulty_server import Answer, Asked

Pictures = list[str]  # links, or files as base64 where a vendor's answer holds them


@dataclass(frozen=True)
class Played:
    """One vendor, with a model of its catalogue routes.

    `create` is a pattern for its paying call: the method, the path with the query, Tencent's action. `created`, with
    the base URL, is the answer to that where it has to be asked later, with `working` first, then what `ready` holds,
    and `done` at last; of others `done` is the answer itself. `uploads` are answers to what is sent before it. `refusal`
    takes the place of what comes after `working` (`refused_late`: of `done`), or of the answer to the paying call.
    """

    name: str
    model: str
    create: str
    done: Callable[[Pictures], Any]
    refusal: Answer
    refusal_billed: bool | None = False
    refused_at_once: bool = False
    refused_late: bool = False
    inline: bool = False
    created: Callable[[str], Any] | None = None
    working: Any = None
    ready: tuple[Any, ...] = ()
    uploads: tuple[Callable[[str], Any], ...] = ()
    cancel: str = ""
    path: str = ""
    targets: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The operator's key there: of those that sign, two halves."""
        word = f"sekret-{self.name.replace('_', '.')}"
        return f"{word}.id:{word}.half" if self.name in ("tencent", "volcengine_visual") else word

    @property
    def polled(self) -> bool:
        return self.created is not None

    def creates(self, asked: Asked) -> bool:
        """Tell whether this is the call that costs."""
        return re.search(self.create, line_of(asked)) is not None

    def cancels(self, asked: Asked) -> bool:
        """Tell whether this is the call that stops what has begun."""
        return bool(self.cancel) and re.search(self.cancel, line_of(asked)) is not None


def line_of(asked: Asked) -> str:
    """Return what tells a vendor's calls apart."""
    return f"{asked.method} {asked.target} {asked.headers.get('x-tc-action', '')}".strip()


def _file(pictures: Pictures) -> bytes:
    return base64.b64decode(pictures[0])


def _fal(base: str) -> dict[str, str]:
    request = f"{base}/fal-ai/flux/requests/r-1"
    links = {"status_url": f"{request}/status", "response_url": request, "cancel_url": f"{request}/cancel"}
    return {"request_id": "r-1", **links}


def _wan(status: str, **more: Any) -> dict[str, Any]:
    return {"output": {"task_id": "t-1", "task_status": status, **more}, "request_id": "q-1"}


def _claid(status: str, **more: Any) -> dict[str, Any]:
    return {"data": {"id": 48213, "status": status, **more}}


def _tencent(code: str, **more: Any) -> dict[str, Any]:
    return {"Response": {"RequestId": "q-1", "JobStatusCode": code, **more}}


PLAYED = (
    Played(
        "bfl",
        "flux-2-klein-4b-text-to-image",
        "POST /v1/flux-2-klein-4b$",
        created=lambda base: {"id": "t-1", "polling_url": f"{base}/v1/get_result?id=t-1", "cost": 4.5},
        working={"id": "t-1", "status": "Pending", "result": None},
        done=lambda pictures: {"id": "t-1", "status": "Ready", "result": {"sample": pictures[0]}},
        refusal=Answer(
            {"id": "t-1", "status": "Request Moderated", "details": {"Moderation Reasons": ["Violence", "Gore"]}}
        ),
    ),
    Played(
        "bria",
        "bria-v1-text-to-image-hd",
        "POST /v1/text-to-image/hd/",
        done=lambda pictures: {"result": [{"urls": [one], "seed": 42} for one in pictures]},
        refusal=Answer({"error": {"code": 422, "message": "content moderation: explicit words"}}, 422),
        refused_at_once=True,
    ),
    Played(
        "byteplus_ark",
        "seedream-v3-text-to-image",
        "POST /api/v3/images/generations$",
        path="/api/v3",
        done=lambda pictures: {"data": [{"url": one} for one in pictures]},
        refusal=Answer({"error": {"code": "InputTextSensitiveContentDetected", "message": "sensitive words"}}, 400),
        refused_at_once=True,
    ),
    Played(
        "claid",
        "claid-edit-v1",
        "POST /v1/image/ai-edit$",
        uploads=(lambda base: {"data": {"output": {"ext": "png", "tmp_url": f"{base}/in.png"}}},),
        created=lambda base: _claid("ACCEPTED", result_url=f"{base}/48213"),
        working=_claid("PROCESSING"),
        done=lambda pictures: _claid(
            "DONE", errors=[], result={"output_objects": [{"ext": "png", "tmp_url": one} for one in pictures]}
        ),
        refusal=Answer(_claid("ERROR", errors=[{"error": "NSFW content detected"}])),
        refusal_billed=None,
    ),
    Played(
        "dashscope",
        "wan-2-5-preview-text-to-image",
        "POST /api/v1/services/aigc/text2image/image-synthesis$",
        path="/api/v1",
        created=lambda base: _wan("PENDING"),
        working=_wan("RUNNING"),
        done=lambda pictures: _wan("SUCCEEDED", results=[{"url": one} for one in pictures]),
        refusal=Answer(_wan("FAILED", code="DataInspectionFailed", message="Inappropriate content.")),
        cancel="POST /api/v1/tasks/t-1/cancel$",
    ),
    Played(
        "eachlabs",
        "flux-schnell",
        "POST /v1/prediction/$",
        created=lambda base: {"status": "success", "message": "…", "predictionID": "p-1"},
        working={"id": "p-1", "status": "processing", "output": None},
        done=lambda pictures: {"id": "p-1", "status": "success", "output": pictures, "metrics": {"cost": 0.003}},
        refusal=Answer(
            {
                "id": "p-1",
                "status": "failed",
                "output": {"error_message": "NSFW content detected", "classification": {"category": "PROVIDER"}},
            }
        ),
        refusal_billed=None,
        cancel="POST /v1/prediction/p-1/cancel$",
    ),
    Played(
        "fal",
        "flux-schnell",
        "POST /fal-ai/flux/schnell$",
        created=_fal,
        working={"status": "IN_PROGRESS"},
        ready=({"status": "COMPLETED"},),
        done=lambda pictures: {
            "images": [{"url": one} for one in pictures],
            "has_nsfw_concepts": [False for _ in pictures],
        },
        refusal=Answer(
            {"detail": [{"loc": ["body"], "msg": "Content policy.", "type": "content_policy_violation"}]}, 422
        ),
        refused_late=True,
        cancel="PUT /fal-ai/flux/requests/r-1/cancel$",
    ),
    Played(
        "fashn",
        "fashn-edit",
        "POST /v1/run$",
        created=lambda base: {"id": "u1-7", "error": None},
        working={"id": "u1-7", "status": "processing", "output": None, "error": None},
        done=lambda pictures: {"id": "u1-7", "status": "completed", "output": pictures, "error": None},
        refusal=Answer(
            {"id": "u1-7", "status": "failed", "error": {"name": "ContentModerationError", "message": "Refused."}}
        ),
    ),
    Played(
        "friendli",
        "friendli-generate",
        "POST /dedicated/v1/images/generations$",
        inline=True,
        done=lambda pictures: {"data": [{"seed": 7, "response_format": "png", "b64_json": one} for one in pictures]},
        refusal=Answer({"detail": "The prompt was flagged by moderation"}, 422),
        refused_at_once=True,
        targets={"generate": "endpoint-1"},
    ),
    Played(
        "google",
        "nano-banana",
        "POST /v1beta/models/gemini-2.5-flash-image:generateContent$",
        inline=True,
        done=lambda pictures: {
            "candidates": [
                {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": one}}]}} for one in pictures
            ]
        },
        refusal=Answer({"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "Blocked."}}),
        refusal_billed=None,
        refused_at_once=True,
    ),
    Played(
        "ideogram",
        "ideogram-v3-turbo",
        "POST /v1/ideogram-v3/generate$",
        done=lambda pictures: {"data": [{"url": one, "is_image_safe": True, "seed": 7} for one in pictures]},
        refusal=Answer({"error": "Prompt provided failed safety check"}, 422),
        refused_at_once=True,
    ),
    Played(
        "luma",
        "photon",
        "POST /dream-machine/v1/generations/image$",
        path="/dream-machine/v1",
        created=lambda base: {"id": "g-1", "state": "queued", "assets": None},
        working={"id": "g-1", "state": "dreaming", "assets": None},
        done=lambda pictures: {"id": "g-1", "state": "completed", "assets": {"image": pictures[0]}},
        refusal=Answer({"id": "g-1", "state": "failed", "failure_reason": "The prompt was flagged by moderation"}),
        refusal_billed=None,
    ),
    Played(
        "magic_hour",
        "magic-hour-default",
        "POST /v1/ai-image-editor$",
        uploads=(
            lambda base: {
                "items": [{"upload_url": f"{base}/put/{one}", "file_path": f"in/{one}.png"} for one in range(2)]
            },
            lambda base: {},
            lambda base: {},
        ),
        created=lambda base: {"id": "m-1", "credits_charged": 5},
        working={"id": "m-1", "status": "rendering", "downloads": []},
        done=lambda pictures: {
            "id": "m-1",
            "status": "complete",
            "downloads": [{"url": one} for one in pictures],
            "credits_charged": 5,
        },
        refusal=Answer(
            {"id": "m-1", "status": "error", "error": {"code": "content_policy_violation", "message": "Refused."}}
        ),
    ),
    Played(
        "minimax",
        "minimax-text-to-image",
        "POST /v1/image_generation$",
        done=lambda pictures: {
            "data": {"image_urls": pictures},
            "metadata": {"success_count": len(pictures), "failed_count": 0},
            "base_resp": {"status_code": 0, "status_msg": "success"},
        },
        refusal=Answer({"base_resp": {"status_code": 1026, "status_msg": "input sensitive"}}),
        refused_at_once=True,
    ),
    Played(
        "openai",
        "gpt-image-v1-5-text-to-image",
        "POST /v1/images/generations$",
        path="/v1",
        inline=True,
        done=lambda pictures: {"created": 1, "data": [{"b64_json": one} for one in pictures]},
        refusal=Answer({"error": {"code": "moderation_blocked", "message": "Rejected by the safety system."}}, 400),
        refused_at_once=True,
    ),
    Played(
        "pruna",
        "p-image-text-to-image",
        "POST /v1/predictions$",
        inline=True,
        created=lambda base: {"id": "p-1", "get_url": f"{base}/v1/predictions/status/p-1"},
        working={"status": "processing"},
        ready=({"status": "succeeded", "generation_url": "/v1/predictions/delivery/a/b/0.png"},),
        done=_file,
        refusal=Answer({"status": "failed", "error": "NSFW content detected"}),
        refusal_billed=None,
    ),
    Played(
        "recraft",
        "recraft-v3",
        "POST /v1/images/generations$",
        path="/v1",
        done=lambda pictures: {"data": [{"url": one} for one in pictures], "credits": 40},
        refusal=Answer({"code": "content_policy_violation", "message": "The prompt was not accepted."}, 400),
        refused_at_once=True,
    ),
    Played(
        "replicate",
        "flux-schnell",
        "POST /v1/predictions$",
        created=lambda base: {"id": "p1", "status": "starting", "output": None},
        working={"id": "p1", "status": "processing", "output": None},
        done=lambda pictures: {"id": "p1", "status": "succeeded", "output": pictures},
        refusal=Answer({"id": "p1", "status": "failed", "error": "NSFW content detected (E005)"}),
        refusal_billed=None,
        cancel="POST /v1/predictions/p1/cancel$",
    ),
    Played(
        "reve",
        "reve-text-to-image",
        "POST /v1/image/create$",
        inline=True,
        done=_file,
        refusal=Answer(
            b"a picture that is not shown",
            headers={"content-type": "image/png", "x-reve-content-violation": "true", "x-reve-credits-used": "18"},
        ),
        refusal_billed=True,
        refused_at_once=True,
    ),
    Played(
        "stability",
        "stable-diffusion-3-5-large",
        "POST /v2beta/stable-image/generate/sd3$",
        inline=True,
        done=lambda pictures: {"finish_reason": "SUCCESS", "image": pictures[0], "seed": 7},
        refusal=Answer({"name": "content_moderation", "errors": ["Your request was flagged."]}, 403),
        refused_at_once=True,
    ),
    Played(
        "tencent",
        "hunyuan-image-v3-text-to-image",
        "POST / SubmitTextToImageJob$",
        created=lambda base: {"Response": {"JobId": "j-1", "RequestId": "q-1"}},
        working=_tencent("2"),
        done=lambda pictures: _tencent("5", ResultImage=pictures, ResultDetails=["Success" for _ in pictures]),
        refusal=Answer(_tencent("4", JobErrorCode="OperationDenied.TextIllegalDetected", JobErrorMsg="Illegal.")),
    ),
    Played(
        "vidu",
        "vidu-q2-text-to-image",
        "POST /ent/v2/reference2image$",
        created=lambda base: {"task_id": "v-1", "state": "created"},
        working={"state": "processing", "creations": []},
        done=lambda pictures: {"state": "success", "creations": [{"id": "c-1", "url": one} for one in pictures]},
        refusal=Answer({"state": "failed", "err_code": "CreationPolicyViolation"}),
        cancel="POST /ent/v2/tasks/v-1/cancel$",
    ),
    Played(
        "volcengine_visual",
        "dreamina-3-1",
        r"POST /\?Action=CVSync2AsyncSubmitTask",
        created=lambda base: {"code": 10000, "data": {"task_id": "7392616336519610409"}},
        working={"code": 10000, "data": {"status": "generating"}},
        done=lambda pictures: {"code": 10000, "data": {"status": "done", "image_urls": pictures}},
        refusal=Answer({"code": 50412, "message": "Text Risk Not Pass"}, 400),
    ),
    Played(
        "xai",
        "xai-grok-imagine-text-to-image",
        "POST /v1/images/generations$",
        path="/v1",
        done=lambda pictures: {"data": [{"url": one} for one in pictures]},
        refusal=Answer(
            {
                "error": "Generated image rejected by content moderation.",
                "usage": {"cost_in_usd_ticks": 200_000_000},
            },
            400,
        ),
        refusal_billed=True,
        refused_at_once=True,
    ),
)
