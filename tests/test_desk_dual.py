"""A desk whose backbone is a dual encoder: a planted one, which knows colours and forms."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="fitting needs the extra 'train'")
pytest.importorskip("timm", reason="fitting needs the extra 'train'")
pytest.importorskip("open_clip", reason="dual encoders need the extra 'clip'")
pytest.importorskip("tokenizers", reason="dual encoders need the extra 'dual'")

import planted  # noqa: E402
from picturedesk.desk import Desk, DeskConfig  # noqa: E402

CONFIG = replace(DeskConfig(), sentences=(), levels=("-2:avg", "final", "projected"))


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    weights = planted.train(folder)
    return replace(CONFIG, backbone=f"openclip:{planted.NAME}", weights=str(weights))


def fit_unpaired(folder, config):
    """A desk of texts and pictures that have nothing to do with each other, and more pictures."""
    rows = planted.write_pictures(folder, 2, seed=1)
    names = [row[3] for row in rows]
    mixed = np.random.default_rng(0).permutation(len(names))
    texts = [f"Note {n} about {planted.KINDS[n % 18][0]} things" for n in range(len(names))]
    pairs = [(text, names[index]) for text, index in zip(texts, mixed, strict=True)]
    desk = Desk.fit(planted.write_table(folder, pairs), folder / "desk", config)
    more = planted.write_pictures(folder / "more", 4, seed=2)
    desk.add(folder / "more")
    return desk, rows + more


def sentence(colour, shape, dark, number):
    when = ("at midnight", "after nightfall") if dark else ("at noon", "in full daylight")
    where = ("near the harbour", "by the old mill", "on the hill")[number % 3]
    return f"We saw a {colour} {shape} {when[number % 2]}, {where}. Note {number}."


def fit_paired(folder, config, copies=10):
    """A desk of pairs whose texts also say whether it was dark, which the model cannot tell."""
    rows = planted.write_pictures(folder, copies, seed=3)
    pairs = [(sentence(*row[:3], n), row[3]) for n, row in enumerate(rows)]
    return Desk.fit(planted.write_table(folder, pairs), folder / "desk", config)


if __name__ == "__main__":
    import tempfile, time
    from pathlib import Path
    t=time.time()
    folder=Path(tempfile.mkdtemp(dir="/tmp/w/b"))
    w=planted.train(folder); c=replace(CONFIG,backbone=f"openclip:{planted.NAME}",weights=str(w)); print(time.time()-t)
    (folder/"u").mkdir(); desk,more=fit_unpaired(folder/"u",c); print(time.time()-t)
    right={f"a {a} {b}":{r[3] for r in more if r[:2]==(a,b)} for a,b in planted.KINDS}
    print(desk.routes, desk.blend.weights, desk.blend.layout.width)
    for route in desk.routes:
        found=[np.mean([s.picture.uri.rsplit('/',1)[-1] in right[x] for s in a]) for x,a in zip(right, desk.suggest(list(right),k=4,route=route))]
        print(route,np.mean(found))
    for n in (4,10):
        (folder/f"p{n}").mkdir(); d2=fit_paired(folder/f"p{n}",replace(c,split=replace(c.split,test=.4)),n); print(n,time.time()-t)
        print(d2.blend.weights); 
        ev=d2.evaluate()
        for r in ev.rows: 
            if r.direction.startswith("text"): print(r.name,{k:round(v,3) for k,v in r.scores.recall.items()},round(r.scores.mrr,3),r.scores.queries,r.scores.candidates)
        print(d2.fitted.read_settings()["learned"]["cross_validated"])
