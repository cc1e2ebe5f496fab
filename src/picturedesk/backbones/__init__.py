"""Frozen pretrained vision networks, read at several levels. Imports neither torch nor timm.

``backbone`` is the face; ``spec`` what is saved of one; ``levels`` the grammar; ``presets`` the
names. Behind them: ``level_reader`` reads a torch network, ``torch_runner`` and
``onnx_runner`` compute, ``survey`` finds out where a network can be read, ``sizes`` at which
input, ``classes`` what its classifier names, ``weights`` fills it, ``build`` puts these
together, ``export`` writes ONNX.
"""

from __future__ import annotations
