"""What is stored about documents. Rows and constraints only: streaming fields are written by `lifecycle` alone. I/O."""

from artifacts.models.documents import (
    Artifact,
    ArtifactVersion,
    Delta,
    DraftDelta,
    PieceTimes,
    Project,
    Section,
    SectionStatus,
    SourceText,
    StopRequest,
    StreamStatus,
)
from artifacts.models.people import AccessToken, Expiring, Invitation, Member, Role, ShareLink, UserSession
from artifacts.models.receipts import CommandReceipt
from artifacts.models.records import ActionRecord, CallCharge
from artifacts.models.webhooks import DeliveryStatus, Webhook, WebhookDelivery

__all__ = [
    "AccessToken",
    "ActionRecord",
    "Artifact",
    "ArtifactVersion",
    "CallCharge",
    "CommandReceipt",
    "DeliveryStatus",
    "Delta",
    "DraftDelta",
    "Expiring",
    "Invitation",
    "Member",
    "PieceTimes",
    "Project",
    "Role",
    "Section",
    "SectionStatus",
    "ShareLink",
    "SourceText",
    "StopRequest",
    "StreamStatus",
    "UserSession",
    "Webhook",
    "WebhookDelivery",
]
