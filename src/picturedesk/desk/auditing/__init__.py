"""The audit: what of an archive and its catalogue an editor should look at."""

from picturedesk.desk.auditing.audit import AuditConfig, audit_desk

__all__ = ["AuditConfig", "audit_desk"]
