"""The actions on webhooks: their log, one delivery, what they are signed with."""

from __future__ import annotations

from sqlalchemy import Connection

from gesso.dialects.actions import ListDeliveries, ShowDelivery, ShowWebhookSecret
from gesso.dialects.call import Call, Reply
from gesso.dialects.view import AttemptView, DeliveryView
from gesso.domain.errors import NotFound
from gesso.jobs.delivery_log import LoggedDelivery, count_deliveries, deliveries_of_job, list_deliveries
from gesso.server.dialects.desk import Desk
from gesso.server.own_hooks import account_secrets
from gesso.server.own_jobs import load_job


async def page(desk: Desk, action: ListDeliveries, call: Call) -> Reply:
    """Show a page of the log of this dialect's webhooks."""
    limit, offset = action.parse(call)
    account_id, mode, dialect = desk.known.account_id, desk.known.mode, desk.dialect.name

    def read(connection: Connection) -> tuple[list[DeliveryView], int]:
        found = list_deliveries(connection, account_id, mode, limit=limit, offset=offset, dialect=dialect)
        views = [delivery_view(logged) for logged in found.deliveries]
        return views, count_deliveries(connection, account_id, mode, dialect)

    views, total = await desk.parts.database.read(read)
    return action.render(views, total, call)


async def show(desk: Desk, action: ShowDelivery, call: Call) -> Reply:
    """Tell about the newest delivery of an own job; raises `NotFound` when there is none."""
    job = await load_job(desk.parts, action.key(call), desk.known)
    found = await desk.parts.database.read(
        lambda c: deliveries_of_job(c, job.id, job.account_id, job.mode, desk.dialect.name)
    )
    if not found:
        raise NotFound("This job has no webhook.")
    return action.render(delivery_view(found[0]), call)


async def secret(desk: Desk, action: ShowWebhookSecret, call: Call) -> Reply:
    """Tell what the account's webhooks are signed with."""
    newest, *_ = await account_secrets(desk.parts, desk.known)
    return action.render(newest, call)


def delivery_view(logged: LoggedDelivery) -> DeliveryView:
    """Return the view of a delivery."""
    delivery = logged.delivery
    return DeliveryView(
        id=delivery.id,
        job_id=delivery.job_id,
        event=delivery.event,
        url=delivery.url,
        state=delivery.state,
        created_at=delivery.created_at,
        next_at=delivery.next_at,
        attempts=tuple(AttemptView(one.at, one.status, one.response, one.error) for one in logged.attempts),
    )
