"""Text encoders: texts in any language → vectors of length one. Knows nothing of pictures."""

from __future__ import annotations

from picturedesk.texts.loading import load_text_encoder

__all__ = ["load_text_encoder"]
