"""Frozen pretrained vision networks, read at several levels. Imports neither torch nor timm.

``backbone`` is the public module; ``spec`` the saved record; ``levels`` the syntax of levels;
``presets`` the named settings. ``level_reader`` reads a torch network; ``torch_runner`` and
``onnx_runner`` compute; ``survey`` finds a network's levels, ``sizes`` its input sizes, ``classes``
its class names; ``weights`` loads weights; ``build`` combines these; ``export`` writes ONNX.
``families`` has the libraries that networks come from; ``openclip``, ``picture_tower``,
``text_tower`` and ``text_tokens`` are those of dual encoders.
"""

from __future__ import annotations
