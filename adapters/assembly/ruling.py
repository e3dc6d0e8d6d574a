"""What the settings say of requests and of jobs."""

from __future__ import annotations

from datetime import timedelta

from adapters.assembly.stores import MEMORY
from adapters.settings import JobSettings, LimitSettings
from adapters.webhooks import SignedWebhooks
from core.domain.limits import RequestLimits
from core.jobs.rules import JobRules
from core.ports.driven import QueueLimits


def make_limits(settings: LimitSettings) -> RequestLimits:
    return RequestLimits(
        max_pixels=settings.max_pixels,
        max_images=settings.max_images,
        max_steps=settings.max_steps,
        max_prompt=settings.max_prompt,
    )


def make_rules(settings: JobSettings, store: str, serving: bool) -> JobRules:
    return JobRules(
        limits=QueueLimits(
            settings.max_queued,
            settings.max_per_client,
            settings.max_queued_mb * 1024 * 1024 if settings.max_queued_mb else None,
        ),
        keep=settings.keep,
        keep_for=timedelta(hours=settings.keep_hours) if settings.keep_hours else None,
        keep_bytes=settings.keep_mb * 1024 * 1024 if settings.keep_mb else None,
        lease=timedelta(seconds=settings.lease_seconds),
        max_attempts=settings.max_attempts,
        patient=serving,
        lasting=store != MEMORY,
    )


def make_webhooks(settings: JobSettings) -> SignedWebhooks:
    secret = settings.webhook_secret
    return SignedWebhooks(settings.webhook_hosts, secret.get_secret_value() if secret else None)
