"""A desk's vectors and graph, for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import picturedesk.checks as checks
from picturedesk.desk.embedding import query_vectors
from picturedesk.desk.facade.parts import DeskParts
from picturedesk.desk.given import names_of, read_given
from picturedesk.store.catalogue import rounded
from picturedesk.types import (
    Floats,
    Progress,
    silent,
)

if TYPE_CHECKING:
    from picturedesk.desk.exporting import Export


class Exporting(DeskParts):
    """Takes a desk's vectors elsewhere; see ``Desk``."""

    def embed_texts(self, texts: Sequence[str], route: str = "") -> Floats:
        """Query vectors of texts: ``embed_texts(texts) @ embed_pictures(pictures).T`` is the score.

        The weights of a blend are folded in, so the product is the score of ``suggest`` on that
        route, without the share of the route "captions", which counts words. With "direct" it is
        the cosine of text and picture in the shared space.

        Args:
            texts: Q texts of any length.
            route: as for ``suggest``; "" for the best there is.

        Returns:
            (Q, W) float32, of any length.

        Raises:
            BadInput: no word of a text is known, or the route has no vectors: "captions", and
                "transfer" of the paper's recipe, which asks with several.
        """
        texts, route = checks.texts("texts", texts), checks.text("route", route)
        return query_vectors(self.suggester, texts, route or self.blend.default)

    def embed_pictures(self, pictures: str | Path | Sequence[str | Path]) -> Floats:
        """Catalogue vectors of pictures, see ``embed_texts``; writes nothing.

        Args:
            pictures: N files, or content keys of pictures that the desk knows; or one of them.

        Returns:
            (N, W) float32 of length one, as the catalogue has them: a picture of the archive is
            placed by the heads that did not learn from it.

        Raises:
            BadPicture: a file cannot be read.
        """
        names = names_of(pictures)
        folder = self.folder
        given = read_given(names, self.matcher, folder.features, folder.backbone, self.limits)
        return rounded(self.blend.vectors(given))  # as the catalogue has them

    def export(self, folder: str | Path) -> Export:
        """Writes what programs without picturedesk need to compute the desk's vectors.

        A folder with one ONNX graph from pixels to catalogue vectors, the text side of the route
        "direct" as arrays with Python for NumPy, a manifest, and an example of 30 lines. The graph
        places every picture as a new one; for the vectors of archive pictures, export the catalogue
        (``export_parquet``).

        Args:
            folder: new, empty, or of an earlier export, which is replaced.

        Raises:
            BadInput: the folder holds something else.
            MissingExtra: onnx is not installed (extra ``train``).
        """
        from picturedesk.desk.exporting import export_desk

        return export_desk(self.blend, self.folder.backbone, checks.path("folder", folder))

    def export_parquet(
        self, path: str | Path, half: bool = False, progress: Progress = silent
    ) -> int:
        """Writes the catalogue as one Parquet file: all metadata, and the vectors.

        One row per picture, ordered by key. Columns are the fields of ``Picture``, columns of your
        own by their names, and ``vector``: W numbers, as ``embed_pictures`` gives them.

        Args:
            path: of the file; one that is there is replaced.
            half: whether vectors are in half precision (float16), half the size.
            progress: called as pictures are written.

        Returns:
            How many pictures were written.
        """
        from picturedesk.desk.parquet import write_parquet

        path = checks.path("path", path)
        checks.instance("half", half, bool)
        checks.function("progress", progress)
        facts = {"picturedesk.fingerprint": self.blend.fingerprint}
        return write_parquet(self.catalogue, path, half, facts, progress)
