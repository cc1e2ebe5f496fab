"""Captions, rights, dates and places that picture files carry: XMP, IPTC-IIM and EXIF.

Of two blocks that name the same fact, XMP counts before IPTC and IPTC before EXIF: programs that
edit metadata write all three, IPTC-IIM cuts long texts (a caption after 2,000 bytes) and EXIF names
no encoding, so XMP has the whole text. GPS positions are the camera's; editors that move them write
XMP, too.

Files are not trusted: blocks are bounded, XML may have no document type, and what cannot be read is
left out. Nothing here raises. Decodes no pixels.
"""

from __future__ import annotations

from picturedesk.images.metadata.blocks import Blocks, blocks_of
from picturedesk.images.metadata.known import Known, known_facts
from picturedesk.images.metadata.licences import licence_of

__all__ = ["Blocks", "Known", "blocks_of", "known_facts", "licence_of"]
