"""open_clip's tokenizers as one file of Hugging Face's ``tokenizers``, to be read without them.

CLIP's own tokenizer is written anew: byte-level BPE with open_clip's merges. It gives the same
tokens for every assigned character but U+0345, whose capital is a letter to one library only, and
apart from texts that spell a special token right after punctuation. Imports tokenizers; open_clip
made the tokenizers that it is given.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

from picturedesk.disk.text_tower import CLEANINGS, NOTHING
from picturedesk.errors import BadInput

# open_clip's pattern, without special tokens.
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


@dataclass(frozen=True, slots=True)
class WrittenTokens:
    """A tokenizer, written.

    Attributes:
        content: JSON of the tokenizer.
        cleaning: of texts before it; one of ``CLEANINGS``.
        context: tokens of the longest text.
        pad: token that fills texts up.
        blanked: token that is replaced by 0; ``NOTHING`` for none.
    """

    content: str
    cleaning: str
    context: int
    pad: int
    blanked: int = NOTHING

    @property
    def sha256(self) -> str:
        """Hash (16 hex digits) of the content."""
        return hashlib.sha256(self.content.encode()).hexdigest()[:16]


def written(tokenizer: Any, name: str) -> WrittenTokens:  # noqa: ANN401 - open_clip's have no base
    """Writes one of open_clip's tokenizers.

    Args:
        tokenizer: made by ``open_clip.get_tokenizer``.
        name: of the model, for messages.

    Raises:
        BadInput: it draws tokens at random, or is of an unknown kind.
    """
    if hasattr(tokenizer, "bpe_ranks"):
        return _clip(tokenizer, name)
    inner = getattr(tokenizer, "tokenizer", None)
    if inner is None or not hasattr(inner, "backend_tokenizer"):
        raise BadInput(
            f"the tokenizer of '{name}' ({type(tokenizer).__name__}) cannot be saved: choose a "
            "model with CLIP's tokenizer or a fast one of the hub"
        )
    return _fast(tokenizer, inner, name)


def _clip(tokenizer: Any, name: str) -> WrittenTokens:  # noqa: ANN401
    if tokenizer.reduction_fn is not None:
        raise BadInput(f"the tokenizer of '{name}' leaves out tokens at random: choose another")
    start, end = tokenizer.sot_token_id, tokenizer.eot_token_id
    names = (tokenizer.decoder[start], tokenizer.decoder[end])
    made = Tokenizer(
        models.BPE(
            vocab=dict(tokenizer.encoder),
            merges=list(tokenizer.bpe_ranks),
            end_of_word_suffix="</w>",
            continuing_subword_prefix="",
            fuse_unk=False,
        )
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.add_special_tokens([tokenizer.decoder[token] for token in tokenizer.all_special_ids])
    made.post_processor = processors.TemplateProcessing(
        single=f"{names[0]} $A {names[1]}", special_tokens=[(names[0], start), (names[1], end)]
    )
    context = int(tokenizer.context_length)
    made.enable_truncation(context)
    return WrittenTokens(made.to_str(), _cleaning(tokenizer, name), context, 0)


def _fast(tokenizer: Any, inner: Any, name: str) -> WrittenTokens:  # noqa: ANN401
    if getattr(tokenizer, "tokenizer_mode", "") or inner.padding_side != "right":
        raise BadInput(
            f"the tokenizer of '{name}' places its tokens in another way than at the start of a "
            "row: choose another model"
        )
    context = int(tokenizer.context_length)
    made = Tokenizer.from_str(inner.backend_tokenizer.to_str())
    made.no_padding()
    made.enable_truncation(context)
    separator = inner.sep_token_id if getattr(tokenizer, "strip_sep_token", False) else NOTHING
    return WrittenTokens(
        content=made.to_str(),
        cleaning=_cleaning(tokenizer, name),
        context=context,
        pad=int(inner.pad_token_id),
        blanked=int(separator),
    )


def _cleaning(tokenizer: Any, name: str) -> str:  # noqa: ANN401
    """open_clip's name of the function that cleans texts."""
    from open_clip.tokenizer import get_clean_fn

    clean = getattr(tokenizer, "clean_fn", None)
    if clean is None:
        return "canonicalize"  # SigLipTokenizer, which has no choice
    for known in CLEANINGS:
        if clean is get_clean_fn(known):
            return known
    raise BadInput(f"the tokenizer of '{name}' cleans texts in an unknown way: choose another")
