"""Asks a desk's server from Python; checks its webhooks."""

from picturedesk.client.client import Client
from picturedesk.client.connection import Problem
from picturedesk.client.records import Asking, Page, Passage, RemoteJob, Uploaded
from picturedesk.client.webhooks import WebhookVerifier

__all__ = [
    "Asking",
    "Client",
    "Page",
    "Passage",
    "Problem",
    "RemoteJob",
    "Uploaded",
    "WebhookVerifier",
]
