"""Text encoders: texts of any language → vectors of length one. Know nothing of pictures."""

from __future__ import annotations

from picturedesk.texts.loading import load_text_encoder

__all__ = ["load_text_encoder"]
