"""`/v1/webhooks`: targets, their log, tests, deliveries once more, and the signing secret."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from gesso.domain.clock import to_iso
from gesso.domain.delivery import Attempt, Registration
from gesso.jobs.circuits import count_lined, find_circuit, host_of
from gesso.jobs.deliveries import send_again
from gesso.jobs.delivery_log import LoggedDelivery, deliveries_of_job, list_deliveries, own_delivery
from gesso.jobs.registrations import enable, own_registration, own_registrations, register, unregister
from gesso.jobs.signing_secrets import change_secret
from gesso.server.arrival import ArrivalsOf
from gesso.server.auth import CallerOf
from gesso.server.errors import problem_responses
from gesso.server.hook_reading import read_registration
from gesso.server.own_hooks import account_secrets, send_test
from gesso.server.own_jobs import load_job
from gesso.server.parts import PartsOf
from gesso.server.reading import read_json_object
from gesso.server.webhook_bodies import (
    AttemptBody,
    CircuitBody,
    DeliveryBody,
    DeliveryPageBody,
    JobDeliveriesBody,
    NewWebhookBody,
    SecretBody,
    TestBody,
    WebhookAsk,
    WebhookBody,
    WebhooksBody,
)

router = APIRouter(tags=["webhooks"])
WebhookId = Annotated[UUID, Path(description="Id of a webhook.")]
DeliveryId = Annotated[UUID, Path(description="Id of a delivery.")]
CursorOf = Annotated[
    str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="`next_cursor` of the page before.")
]
LimitOf = Annotated[int, Query(ge=1, le=100, description="How many on a page.")]
_ASK_SCHEMA: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": WebhookAsk.model_json_schema()}}}
}


@router.post(
    "/v1/webhooks",
    status_code=201,
    response_model=NewWebhookBody,
    openapi_extra=_ASK_SCHEMA,
    responses=problem_responses(400, 401, 408, 409, 413, 422),
)
async def add_webhook(request: Request, caller: CallerOf, parts: PartsOf, arrivals: ArrivalsOf) -> NewWebhookBody:
    """Let a target hear of the account's jobs of this key's mode. The answer alone shows the secret."""
    async with arrivals.arriving(request, parts.max_body_bytes) as body:
        ask = await read_json_object(body)
    registration = read_registration(
        ask, caller.account_id, caller.mode, parts.webhooks, parts.sender.policy, parts.clock()
    )
    now = parts.clock()

    def work(connection: Connection) -> WebhookBody:
        register(connection, registration)
        return _body(connection, registration, now)

    return NewWebhookBody(secret=registration.secret, **(await parts.database.write(work)).model_dump())


@router.get("/v1/webhooks", response_model=WebhooksBody, responses=problem_responses(401))
async def list_webhooks(caller: CallerOf, parts: PartsOf) -> WebhooksBody:
    """List the account's targets."""
    now = parts.clock()

    def work(connection: Connection) -> list[WebhookBody]:
        return [_body(connection, one, now) for one in own_registrations(connection, caller.account_id, caller.mode)]

    return WebhooksBody(webhooks=await parts.database.read(work))


@router.get("/v1/webhooks/secret", response_model=SecretBody, responses=problem_responses(401))
async def show_webhook_secret(caller: CallerOf, parts: PartsOf) -> SecretBody:
    """Show what webhooks are signed with that are named with jobs."""
    return _secret(await account_secrets(parts, caller))


@router.post("/v1/webhooks/secret", response_model=SecretBody, responses=problem_responses(401))
async def change_webhook_secret(caller: CallerOf, parts: PartsOf) -> SecretBody:
    """Put a new secret in the place of the old one; for 24 hours both sign."""
    now = parts.clock()
    return _secret(await parts.database.write(lambda c: change_secret(c, caller.account_id, caller.mode, now)))


@router.get("/v1/webhooks/deliveries", response_model=DeliveryPageBody, responses=problem_responses(401, 422))
async def list_all_deliveries(
    caller: CallerOf, parts: PartsOf, cursor: CursorOf = None, limit: LimitOf = 20
) -> DeliveryPageBody:
    """List what the account's webhooks told, to whomever, newest first."""
    page = await parts.database.read(
        lambda c: list_deliveries(c, caller.account_id, caller.mode, limit=limit, cursor=cursor)
    )
    return DeliveryPageBody(deliveries=[_delivery(one) for one in page.deliveries], next_cursor=page.next_cursor)


@router.get(
    "/v1/webhooks/deliveries/{delivery_id:uuid}",
    response_model=DeliveryBody,
    responses=problem_responses(401, 404, 422),
)
async def show_delivery(delivery_id: DeliveryId, caller: CallerOf, parts: PartsOf) -> DeliveryBody:
    """Show a delivery and its attempts."""
    return _delivery(
        await parts.database.read(lambda c: own_delivery(c, str(delivery_id), caller.account_id, caller.mode))
    )


@router.post(
    "/v1/webhooks/deliveries/{delivery_id:uuid}/redeliver",
    status_code=202,
    response_model=DeliveryBody,
    responses=problem_responses(401, 404, 409, 422),
)
async def redeliver(delivery_id: DeliveryId, caller: CallerOf, parts: PartsOf) -> DeliveryBody:
    """Deliver once more, now, whatever came of it before; it is retried as at first."""
    identifier, now = str(delivery_id), parts.clock()

    def work(connection: Connection) -> LoggedDelivery:
        found = own_delivery(connection, identifier, caller.account_id, caller.mode)
        send_again(connection, found.delivery, now)
        return own_delivery(connection, identifier, caller.account_id, caller.mode)

    return _delivery(await parts.database.write(work))


@router.get("/v1/webhooks/{webhook_id:uuid}", response_model=WebhookBody, responses=problem_responses(401, 404, 422))
async def show_webhook(webhook_id: WebhookId, caller: CallerOf, parts: PartsOf) -> WebhookBody:
    """Show a target, and how its receiver is."""
    now = parts.clock()

    def work(connection: Connection) -> WebhookBody:
        return _body(connection, own_registration(connection, str(webhook_id), caller.account_id, caller.mode), now)

    return await parts.database.read(work)


@router.delete("/v1/webhooks/{webhook_id:uuid}", status_code=204, responses=problem_responses(401, 404, 422))
async def delete_webhook(webhook_id: WebhookId, caller: CallerOf, parts: PartsOf) -> Response:
    """Tell a target of nothing more; what it was told stays in the log."""
    await parts.database.write(lambda c: unregister(c, str(webhook_id), caller.account_id, caller.mode))
    return Response(status_code=204)


@router.post(
    "/v1/webhooks/{webhook_id:uuid}/enable", response_model=WebhookBody, responses=problem_responses(401, 404, 422)
)
async def enable_webhook(webhook_id: WebhookId, caller: CallerOf, parts: PartsOf) -> WebhookBody:
    """Tell a disabled target again, from now on; what it missed is told when it is redelivered.

    What waits for its receiver tries again now, whether the target was disabled or not.
    """
    now = parts.clock()

    def work(connection: Connection) -> WebhookBody:
        enabled = enable(connection, str(webhook_id), caller.account_id, caller.mode, now)
        return _body(connection, enabled, now)

    return await parts.database.write(work)


@router.post(
    "/v1/webhooks/{webhook_id:uuid}/test",
    response_model=TestBody,
    responses=problem_responses(401, 404, 409, 422, 429),
)
async def test_webhook(webhook_id: WebhookId, caller: CallerOf, parts: PartsOf) -> TestBody:
    """Send a target something now, and say what came of it.

    A native target gets a message of type `webhook.test`, another the newest ended job of its dialect again.
    """
    registration = await parts.database.read(
        lambda c: own_registration(c, str(webhook_id), caller.account_id, caller.mode)
    )
    sent = await send_test(parts, registration)
    delivered = sent.status is not None and 200 <= sent.status < 300
    return TestBody(delivered=delivered, status=sent.status, response=sent.response, error=sent.error)


@router.get(
    "/v1/webhooks/{webhook_id:uuid}/deliveries",
    response_model=DeliveryPageBody,
    responses=problem_responses(401, 404, 422),
)
async def list_webhook_deliveries(
    webhook_id: WebhookId, caller: CallerOf, parts: PartsOf, cursor: CursorOf = None, limit: LimitOf = 20
) -> DeliveryPageBody:
    """List what a target was told, newest first, with every attempt."""
    account_id, mode, target = caller.account_id, caller.mode, str(webhook_id)

    def work(connection: Connection) -> DeliveryPageBody:
        own_registration(connection, target, account_id, mode)
        page = list_deliveries(connection, account_id, mode, limit=limit, cursor=cursor, registration_id=target)
        return DeliveryPageBody(deliveries=[_delivery(one) for one in page.deliveries], next_cursor=page.next_cursor)

    return await parts.database.read(work)


@router.get(
    "/v1/jobs/{job_id}/deliveries",
    response_model=JobDeliveriesBody,
    responses=problem_responses(401, 404, 422),
)
async def list_job_deliveries(
    job_id: Annotated[str, Path(description="Id of a job.")], caller: CallerOf, parts: PartsOf
) -> JobDeliveriesBody:
    """List what was told of a job, newest first, with every attempt."""
    job = await load_job(parts, job_id, caller)
    found = await parts.database.read(lambda c: deliveries_of_job(c, job.id, caller.account_id, caller.mode))
    return JobDeliveriesBody(deliveries=[_delivery(one) for one in found])


def _body(connection: Connection, registration: Registration, now: int) -> WebhookBody:
    account_id, host = registration.account_id, host_of(registration.url)
    circuit = find_circuit(connection, account_id, host)
    return WebhookBody(
        id=registration.id,
        mode=registration.mode,
        url=registration.url,
        events=list(registration.events),
        dialect=registration.dialect,
        description=registration.description,
        created_at=to_iso(registration.created_at),
        disabled_at=_time(registration.disabled_at),
        disabled_reason=registration.disabled_reason,
        circuit=CircuitBody(
            state=circuit.state(now),
            failures=circuit.failures,
            open_until=_time(circuit.open_until),
            waiting=count_lined(connection, account_id, host),
        ),
    )


def _delivery(logged: LoggedDelivery) -> DeliveryBody:
    delivery = logged.delivery
    return DeliveryBody(
        id=delivery.id,
        job_id=delivery.job_id,
        webhook_id=delivery.registration_id or None,
        event=delivery.event,
        dialect=delivery.dialect,
        url=delivery.url,
        state=delivery.state,
        reason=delivery.reason,
        created_at=to_iso(delivery.created_at),
        next_at=_time(delivery.next_at),
        waiting=delivery.lined,
        ended_at=_time(delivery.ended_at),
        attempts=[_attempt(one) for one in logged.attempts],
    )


def _attempt(one: Attempt) -> AttemptBody:
    return AttemptBody(number=one.number, at=to_iso(one.at), status=one.status, response=one.response, error=one.error)


def _secret(secrets: tuple[str, ...]) -> SecretBody:
    return SecretBody(secret=secrets[0], former_secret=secrets[1] if len(secrets) > 1 else None)


def _time(microseconds: int | None) -> str | None:
    return None if microseconds is None else to_iso(microseconds)
