"""The picture towers of dual encoders, with the parts that level reading asks of timm's networks.

Knows open_clip's three kinds by their parts: its vision transformer, its ResNet with attention
pooling, and a timm network ("trunk") with a projection. Imports torch.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from picturedesk.errors import BadInput


class PictureTower(nn.Module):
    """A picture tower in two steps and a projection: features → pooled → projected.

    The projected vector is that of open_clip's ``encode_image``, before it is scaled to length one.

    Args:
        visual: open_clip's tower.
        name: of the model, for messages.

    Attributes:
        feature_info: module path and channels of each block or stage, as timm lists them.
        num_classes: 0: there is no classifier.

    Raises:
        BadInput: the tower is of another kind.
    """

    num_classes = 0

    def __init__(self, visual: nn.Module, name: str) -> None:
        super().__init__()
        self.visual: Any = visual
        self.feature_info = _feature_info(self.visual, name)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the input, pixels."""
        size = self.visual.image_size
        return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))

    @property
    def num_prefix_tokens(self) -> int | None:
        """Tokens before the patches; None if the tower does not declare them."""
        if hasattr(self.visual, "class_embedding"):
            return 1
        found: int | None = getattr(self._trunk, "num_prefix_tokens", None)
        return found

    @property
    def cls_token(self) -> Tensor | None:
        """The class token; None without one."""
        token: Tensor | None = getattr(self.visual, "class_embedding", None)
        return token if token is not None else getattr(self._trunk, "cls_token", None)

    @property
    def output_fmt(self) -> str:
        """Layout of maps: "NHWC" where channels come last."""
        return str(getattr(self._trunk, "output_fmt", "NCHW"))

    @property
    def _trunk(self) -> nn.Module | None:
        trunk: nn.Module | None = getattr(self.visual, "trunk", None)
        return trunk

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, S, S) → projected vectors (B, W), as open_clip computes them."""
        features = self.forward_features(pixels)
        return self.project(features, self.forward_head(features))

    def forward_features(self, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, S, S) → tokens or a map, before the pool."""
        visual = self.visual
        if self._trunk is not None:
            features: Tensor = visual.trunk.forward_features(pixels)
        elif hasattr(visual, "attnpool"):
            features = visual.stem(pixels)
            for stage in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
                features = stage(features)
        else:
            features = visual.transformer(visual._embeds(pixels))
        return features

    def forward_head(self, features: Tensor, pre_logits: bool = True) -> Tensor:
        """Features → pooled (B, D), before the projection.

        Where pool and projection are one (attention pools), this is the mean over map or tokens.
        """
        if self._pools_as_it_projects:
            return _mean(features)
        if self._trunk is not None:
            pooled: Tensor = self.visual.trunk.forward_head(features, pre_logits=True)
        else:
            pooled = self.visual._pool(features)[0]
        return _mean(pooled)

    @property
    def _pools_as_it_projects(self) -> bool:
        trunk: Any = self._trunk
        bare = trunk is not None and not len(self.visual.head) and not trunk.num_classes
        return bare or hasattr(self.visual, "attnpool")

    def project(self, features: Tensor, pooled: Tensor) -> Tensor:
        """Features and what ``forward_head`` made of them → projected vectors (B, W)."""
        visual = self.visual
        if self._trunk is not None:
            projected: Tensor = visual.head(visual.trunk.forward_head(features))
        elif hasattr(visual, "attnpool"):
            projected = visual.attnpool(features)
        else:
            projected = pooled if visual.proj is None else pooled @ visual.proj
        return projected


def _mean(values: Tensor) -> Tensor:
    """Mean over a map (B, C, H, W) or tokens (B, tokens, C); a vector stays as it is."""
    if values.ndim == 4:
        return values.mean(dim=(2, 3))
    return values.mean(dim=1) if values.ndim == 3 else values


def _feature_info(visual: Any, name: str) -> list[dict[str, object]]:  # noqa: ANN401
    """Module path and channels of each block or stage."""
    if getattr(visual, "trunk", None) is not None:
        return [
            {"module": f"visual.trunk.{row['module']}", "num_chs": row["num_chs"]}
            for row in getattr(visual.trunk, "feature_info", None) or ()
        ]
    if hasattr(visual, "attnpool"):
        stages = ("layer1", "layer2", "layer3", "layer4")
        return [
            {
                "module": f"visual.{stage}",
                "num_chs": getattr(visual, stage)[-1].conv3.out_channels,
            }
            for stage in stages
        ]
    if hasattr(visual, "transformer") and hasattr(visual, "_embeds"):
        return [
            {
                "module": f"visual.transformer.resblocks.{number}",
                "num_chs": int(visual.conv1.out_channels),
            }
            for number in range(len(visual.transformer.resblocks))
        ]
    raise BadInput(
        f"the picture tower of '{name}' is a {type(visual).__name__}, whose levels cannot be read: "
        "choose a model with a vision transformer, a ResNet or a timm network"
    )
