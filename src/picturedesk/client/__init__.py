"""Asks a desk's server from Python; checks its webhooks."""

from picturedesk.client.webhooks import WebhookVerifier

__all__ = ["WebhookVerifier"]
